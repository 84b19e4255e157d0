#include "neurons/layers/convolutions.hpp"

#include <algorithm>
#include <numeric>

#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

std::int64_t product(const std::vector<std::int64_t>& list) {
  return std::accumulate(list.begin(), list.end(), std::int64_t{1}, std::multiplies<>());
}

void require_groups(const Graph& graph, Value x, std::int64_t filters, std::int64_t groups) {
  const std::int64_t channels = x.shape()[1];
  if (filters < 1) fail_input("{}: filters = {} must be at least 1", graph.scope(), filters);
  if (groups < 1 || channels % groups != 0 || filters % groups != 0) {
    fail_input("{}: groups = {} must divide {} channels and {} filters", graph.scope(), groups, channels, filters);
  }
}

/// The weight, [filters, channels / groups, kernel…] or, of a transposed convolution, [channels, filters / groups, kernel…], and
/// the bias (none: no value).
template <typename AnyConvolution>
std::pair<Value, Value> parameters(BuildContext& context, const AnyConvolution& layer, std::int64_t channels,
                                   const std::vector<std::int64_t>& kernel, bool transposed) {
  const std::int64_t taps = product(kernel);
  std::vector<std::int64_t> extents{transposed ? channels : layer.filters, (transposed ? layer.filters : channels) / layer.groups};
  extents.insert(extents.end(), kernel.begin(), kernel.end());
  ParameterSpec spec;
  spec.shape = Shape(std::span<const std::int64_t>(extents));
  spec.initializer = {layer.initializer, layer.initializer_value};
  spec.fan_in = channels / layer.groups * taps;
  spec.fan_out = layer.filters / layer.groups * taps;
  const Layer& after = activation_of_kind(layer.activation);
  spec.following = layer.activation == "identity" ? context.following() : Following{layer.activation, after.negative_slope()};
  const Value weight = context.parameter("weight", spec);
  if (!layer.bias) return {weight, Value{}};
  spec.shape = {layer.filters};
  spec.initializer = {"constant", 0.0F};
  return {weight, context.parameter("bias", spec)};
}

}  // namespace

template <int kAxes>
Value Convolution<kAxes>::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, kAxes);
  Graph& graph = context.graph();
  require_groups(graph, x, filters, groups);
  const auto extents = axes_of(graph, kernel, "kernel", kAxes, 1);
  const auto [weight, b] = parameters(context, *this, x.shape()[1], extents, false);
  const auto dilations = axes_of(graph, dilation, "dilation", kAxes, 1);
  const Attribute border = border_of(graph, padding, pads, kAxes);
  require_room(graph, x, extents, dilations, border);
  const Attributes window{
      {"strides", axes_of(graph, stride, "stride", kAxes, 1)}, {"dilations", dilations}, {"group", groups}, border};
  return activation_of_kind(activation).build(context, {emit_with("Conv", {x, weight, b}, window)});
}

template struct Convolution<1>;
template struct Convolution<2>;
template struct Convolution<3>;

Value DepthwiseConv2d::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, 2);
  if (multiplier < 1) fail_input("{}: multiplier = {} must be at least 1", context.graph().scope(), multiplier);
  const std::int64_t channels = x.shape()[1];
  return Conv2d{.filters = channels * multiplier,
                .kernel = kernel,
                .padding = padding,
                .stride = stride,
                .activation = activation,
                .bias = bias,
                .groups = channels,
                .dilation = dilation,
                .pads = pads,
                .initializer = initializer,
                .initializer_value = initializer_value}
      .build(context, inputs);
}

Value SeparableConv2d::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, 2);
  Graph& graph = context.graph();
  if (filters < 1) fail_input("{}: filters = {} must be at least 1", graph.scope(), filters);
  if (multiplier < 1) fail_input("{}: multiplier = {} must be at least 1", graph.scope(), multiplier);
  const auto extents = axes_of(graph, kernel, "kernel", 2, 1);
  const Layer& after = activation_of_kind(activation);
  const std::int64_t channels = x.shape()[1];
  const std::int64_t taps = product(extents);
  ParameterSpec spec;
  spec.shape = {channels * multiplier, 1, extents[0], extents[1]};
  spec.fan_in = taps;
  spec.fan_out = multiplier * taps;
  const Value depthwise = context.parameter("depthwise", spec);
  spec.shape = {filters, channels * multiplier, 1, 1};
  spec.fan_in = channels * multiplier;
  spec.fan_out = filters;
  spec.following = activation == "identity" ? context.following() : Following{activation, after.negative_slope()};
  const Value pointwise = context.parameter("pointwise", spec);
  spec.shape = {filters};
  spec.initializer = {"constant", 0.0F};
  const Value b = bias ? context.parameter("bias", spec) : Value{};
  const Attribute border = border_of(graph, padding, pads, 2);
  const auto dilations = axes_of(graph, dilation, "dilation", 2, 1);
  require_room(graph, x, extents, dilations, border);
  const Attributes window{
      {"strides", axes_of(graph, stride, "stride", 2, 1)}, {"dilations", dilations}, {"group", channels}, border};
  const Value places = emit_with("Conv", {x, depthwise, Value{}}, window);
  return after.build(context, {graph.emit("Conv", {places, pointwise, b})});
}

template <int kAxes>
Value TransposedConvolution<kAxes>::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, kAxes);
  Graph& graph = context.graph();
  require_groups(graph, x, filters, groups);
  const auto extents = axes_of(graph, kernel, "kernel", kAxes, 1);
  const auto strides = axes_of(graph, stride, "stride", kAxes, 1);
  const auto dilations = axes_of(graph, dilation, "dilation", kAxes, 1);
  const std::vector<std::int64_t> more = output_padding.for_axes(graph.scope() + ": output_padding", kAxes, 0, 0);
  for (std::size_t i = 0; i < more.size(); ++i) {
    if (more[i] == 0) continue;
    if (padding == Padding::same) {
      fail_input("{}: output_padding = {} with padding = \"same\", which alone says how many results there are; give pads instead",
                 graph.scope(), more[i]);
    }
    if (more[i] < std::max(strides[i], dilations[i])) continue;
    fail_input("{}: output_padding = {} must be smaller than the stride, {}, or the dilation, {}, on spatial axis {}",
               graph.scope(), more[i], strides[i], dilations[i], i);
  }
  const auto [weight, b] = parameters(context, *this, x.shape()[1], extents, true);
  const Attributes window{{"strides", strides},
                          {"dilations", dilations},
                          {"group", groups},
                          {"output_padding", more},
                          border_of(graph, padding, pads, kAxes)};
  return activation_of_kind(activation).build(context, {emit_with("ConvTranspose", {x, weight, b}, window)});
}

template struct TransposedConvolution<1>;
template struct TransposedConvolution<2>;
template struct TransposedConvolution<3>;

}  // namespace neurons
