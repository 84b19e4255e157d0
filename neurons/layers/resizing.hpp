#pragma once
/// Layers that make images larger or smaller without weights.

#include "neurons/layers/extents.hpp"
#include "neurons/layers/layer.hpp"

namespace neurons {

/// [batch, channels, height, width] → [batch, channels, height · factor, width · factor]: each pixel repeated ("nearest"), or
/// between its neighbours ("linear", "cubic"), as PyTorch's Upsample. Throws InputError for other ranks and unknown modes.
struct Upsample2d {
  static constexpr std::string_view kKind = "upsample2d";
  Extents factor = 2;
  std::string mode = "nearest";  ///< "nearest", "linear", "cubic"

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("factor", self.factor);
    visit("mode", self.mode);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// The same to a size of its own, larger or smaller. Smaller by "linear" or "cubic", each result is the mean of the pixels that it
/// stands for with `antialias`, and else of those few in its middle.
struct Resize2d {
  static constexpr std::string_view kKind = "resize2d";
  Extents size = 1;  ///< height and width
  std::string mode = "linear";
  bool antialias = false;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("size", self.size);
    visit("mode", self.mode);
    visit("antialias", self.antialias);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
