#pragma once
/// Convolutional neurons: each sees a window of its input, and all that share its filter have the same weights.

#include "neurons/layers/extents.hpp"
#include "neurons/layers/layer.hpp"
#include "neurons/layers/windows.hpp"

namespace neurons {

/// The fields of a convolution and of its transpose.
template <typename Self, typename Visitor>
void visit_convolution(Self& self, Visitor& visit) {
  visit("filters", self.filters);
  visit("kernel", self.kernel);
  visit("padding", self.padding);
  visit("stride", self.stride);
  visit("activation", self.activation);
  visit("bias", self.bias);
  visit("groups", self.groups);
  visit("dilation", self.dilation);
  visit("pads", self.pads);
  visit("initializer", self.initializer);
  visit("initializer_value", self.initializer_value);
}

/// y[n, f, p] = activation(b[f] + Σ_c Σ_t w[f, c, t] · x[n, c, p · stride + t · dilation - pad]), over 1, 2 or 3 spatial axes.
/// x: [batch, channels, spatial…], y: [batch, filters, spatial…]. Parameters: weight [filters, channels / groups, kernel…], bias
/// [filters] (0 at the start). Throws InputError where ranks, groups or the kernel do not fit.
template <int kAxes>
struct Convolution {
  static constexpr std::string_view kKind = kAxes == 1 ? "conv1d" : kAxes == 2 ? "conv2d" : "conv3d";
  std::int64_t filters = 1;
  Extents kernel = 3;
  std::string padding = Padding::valid;
  Extents stride = 1;
  std::string activation = "identity";  ///< the name of an activation layer, applied with its defaults
  bool bias = true;
  std::int64_t groups = 1;  ///< filters of a group see the channels of that group alone
  Extents dilation = 1;
  Extents pads{};                         ///< zeros at the ends of each axis, instead of `padding`: see Extents::for_ends
  std::string initializer = "automatic";  ///< see initializers.hpp
  float initializer_value = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit_convolution(self, visit);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};
using Conv1d = Convolution<1>;
using Conv2d = Convolution<2>;
using Conv3d = Convolution<3>;

/// One filter (or `multiplier` of them) for each channel, which sees that channel alone.
struct DepthwiseConv2d {
  static constexpr std::string_view kKind = "depthwise_conv2d";
  Extents kernel = 3;
  std::string padding = Padding::valid;
  Extents stride = 1;
  std::string activation = "identity";
  bool bias = true;
  std::int64_t multiplier = 1;
  Extents pads{};  ///< zeros at the ends of each axis, instead of `padding`
  Extents dilation = 1;
  std::string initializer = "automatic";  ///< see initializers.hpp
  float initializer_value = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("kernel", self.kernel);
    visit("padding", self.padding);
    visit("stride", self.stride);
    visit("activation", self.activation);
    visit("bias", self.bias);
    visit("multiplier", self.multiplier);
    visit("pads", self.pads);
    visit("dilation", self.dilation);
    visit("initializer", self.initializer);
    visit("initializer_value", self.initializer_value);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// A depthwise convolution, then one of 1 × 1 over its results: places and channels are mixed one after the other, for about
/// 1 / filters + 1 / taps of a convolution's multiply-adds (Chollet 2017). Parameters: depthwise [channels · multiplier, 1,
/// kernel…], pointwise [filters, channels · multiplier, 1, 1], bias [filters].
struct SeparableConv2d {
  static constexpr std::string_view kKind = "separable_conv2d";
  std::int64_t filters = 1;
  Extents kernel = 3;
  std::string padding = Padding::valid;
  Extents stride = 1;  ///< of the depthwise convolution
  std::string activation = "identity";
  bool bias = true;
  std::int64_t multiplier = 1;  ///< filters of each channel
  Extents pads{};               ///< zeros at the ends of each axis, instead of `padding`
  Extents dilation = 1;         ///< of the depthwise convolution

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("filters", self.filters);
    visit("kernel", self.kernel);
    visit("padding", self.padding);
    visit("stride", self.stride);
    visit("activation", self.activation);
    visit("bias", self.bias);
    visit("multiplier", self.multiplier);
    visit("pads", self.pads);
    visit("dilation", self.dilation);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// The transpose of a convolution: each input is spread over its window, so that strides enlarge. x: [batch, channels, spatial…],
/// y: [batch, filters, spatial'…] with, on each axis, (n - 1) · stride + (kernel - 1) · dilation + 1 results ("valid"), less its
/// pads and with output_padding more; or n · stride ("same"). Parameters: weight [channels, filters / groups, kernel…], bias
/// [filters].
template <int kAxes>
struct TransposedConvolution {
  static constexpr std::string_view kKinds[3] = {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"};
  static constexpr std::string_view kKind = kKinds[kAxes - 1];
  std::int64_t filters = 1;
  Extents kernel = 3;
  std::string padding = Padding::valid;
  Extents stride = 1;
  std::string activation = "identity";
  bool bias = true;
  std::int64_t groups = 1;
  Extents dilation = 1;
  Extents pads{};                         ///< results that are cut off at the ends of each axis, instead of `padding`
  Extents output_padding{};               ///< results more at the end of each axis; smaller than the stride or the dilation
  std::string initializer = "automatic";  ///< see initializers.hpp
  float initializer_value = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit_convolution(self, visit);
    visit("output_padding", self.output_padding);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};
using ConvTranspose1d = TransposedConvolution<1>;
using ConvTranspose2d = TransposedConvolution<2>;
using ConvTranspose3d = TransposedConvolution<3>;

}  // namespace neurons
