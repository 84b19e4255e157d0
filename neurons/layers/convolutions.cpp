#include "neurons/layers/convolutions.hpp"

#include <numeric>

#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

std::int64_t product(const std::vector<std::int64_t>& list) {
  return std::accumulate(list.begin(), list.end(), std::int64_t{1}, std::multiplies<>());
}

/// The weight, and a bias of `biases` zeros (none: no value).
std::pair<Value, Value> parameters(BuildContext& context, ParameterSpec spec, std::int64_t biases) {
  const Value weight = context.parameter("weight", spec);
  if (biases == 0) return {weight, Value{}};
  spec.shape = {biases};
  spec.initializer = {"constant", 0.0F};
  return {weight, context.parameter("bias", spec)};
}

}  // namespace

template <int kAxes>
Value Convolution<kAxes>::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, kAxes);
  Graph& graph = context.graph();
  const std::string& scope = graph.scope();
  const std::int64_t channels = x.shape()[1];
  if (filters < 1) fail_input("{}: filters = {} must be at least 1", scope, filters);
  if (groups < 1 || channels % groups != 0 || filters % groups != 0) {
    fail_input("{}: groups = {} must divide {} channels and {} filters", scope, groups, channels, filters);
  }
  const auto extents = axes_of(graph, kernel, "kernel", kAxes, 1);
  const Layer& after = activation_of_kind(activation);
  const std::int64_t taps = product(extents);
  std::vector<std::int64_t> weight_extents{filters, channels / groups};
  weight_extents.insert(weight_extents.end(), extents.begin(), extents.end());
  ParameterSpec spec;
  spec.shape = Shape(std::span<const std::int64_t>(weight_extents));
  spec.initializer = {initializer, initializer_value};
  spec.fan_in = channels / groups * taps;
  spec.fan_out = filters / groups * taps;
  spec.following = activation == "identity" ? context.following() : Following{activation, after.negative_slope()};
  const auto [weight, b] = parameters(context, spec, bias ? filters : 0);
  const auto dilations = axes_of(graph, dilation, "dilation", kAxes, 1);
  const Attribute border = border_of(graph, padding, pads, kAxes);
  require_room(graph, x, extents, dilations, border);
  const Attributes window{
      {"strides", axes_of(graph, stride, "stride", kAxes, 1)}, {"dilations", dilations}, {"group", groups}, border};
  return after.build(context, {emit_with("Conv", {x, weight, b}, window)});
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
  require_room(graph, x, extents, {}, border);
  const Value places = emit_with("Conv", {x, depthwise, Value{}},
                                 {{"strides", axes_of(graph, stride, "stride", 2, 1)}, {"group", channels}, border});
  return after.build(context, {graph.emit("Conv", {places, pointwise, b})});
}

Value ConvTranspose2d::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, 2);
  Graph& graph = context.graph();
  if (filters < 1) fail_input("{}: filters = {} must be at least 1", graph.scope(), filters);
  const auto extents = axes_of(graph, kernel, "kernel", 2, 1);
  const Layer& after = activation_of_kind(activation);
  const std::int64_t channels = x.shape()[1];
  ParameterSpec spec;
  spec.shape = {channels, filters, extents[0], extents[1]};
  spec.fan_in = channels * product(extents);
  spec.fan_out = filters * product(extents);
  spec.following = activation == "identity" ? context.following() : Following{activation, after.negative_slope()};
  const auto [weight, b] = parameters(context, spec, bias ? filters : 0);
  const Attributes window{{"strides", axes_of(graph, stride, "stride", 2, 1)}, {"auto_pad", auto_pad_of(graph, padding)}};
  return after.build(context, {emit_with("ConvTranspose", {x, weight, b}, window)});
}

}  // namespace neurons
