#pragma once
/// Residual connections (He et al., Deep Residual Learning for Image Recognition, 2016).

#include <string>
#include <string_view>
#include <vector>

#include "neurons/layers/layer.hpp"

namespace neurons {

/// A block of layers around which its input is led: y = activation(body(x) + projection(x)). The body learns what to change. A
/// network adds it as ordinary layers, named after the block ("residual1.conv2d1", "residual1.projection.conv2d1",
/// "residual1.add", "residual1.relu"); a plan adds in the epilogue of the body's last convolution.
///
///     Residual{.body = {Conv2d{16, 3, Padding::same}, BatchNorm{}, Relu{}, Conv2d{16, 3, Padding::same}, BatchNorm{}}}
struct Residual {
  static constexpr std::string_view kKind = "residual";
  std::vector<Layer> body;
  std::vector<Layer> projection{};  ///< none: x itself; needed where the body changes the shape
  std::string activation = "relu";  ///< the name of an activation layer, applied with its defaults

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("body", self.body);
    visit("projection", self.projection);
    visit("activation", self.activation);
  }
};

}  // namespace neurons
