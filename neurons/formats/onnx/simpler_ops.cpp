#include "neurons/formats/onnx/simpler_ops.hpp"

#include <cmath>
#include <map>
#include <numbers>
#include <string>

#include "neurons/graph/option_of.hpp"

namespace neurons::onnx {
namespace {

using Values = std::optional<std::vector<Value>>;

Value unary(Graph& graph, std::string_view op, Value x) { return graph.emit(op, {x}); }

/// x · σ(alpha · x)
Values swish(const RewriteContext& context) {
  const Value x = context.inputs[0];
  return {{x * unary(context.graph, "Sigmoid", x * option_of<double>(context.options, "alpha"))}};
}

/// x · Φ(x), or its approximation by tanh (Hendrycks & Gimpel 2016)
Values gelu(const RewriteContext& context) {
  constexpr double kCubic = 0.044715;
  const Value x = context.inputs[0];
  const bool by_tanh = option_of<std::string>(context.options, "approximate") == "tanh";
  const Value inner = by_tanh ? (x + x * x * x * kCubic) * std::sqrt(2 / std::numbers::pi) : x * std::numbers::sqrt2 * 0.5;
  return {{x * (unary(context.graph, by_tanh ? "Tanh" : "Erf", inner) + 1.0) * 0.5}};
}

/// x · tanh(log(1 + eˣ))
Values mish(const RewriteContext& context) {
  const Value x = context.inputs[0];
  return {{x * unary(context.graph, "Tanh", unary(context.graph, "Softplus", x))}};
}

/// x · min(max(x / 6 + 1/2, 0), 1)
Values hard_swish(const RewriteContext& context) {
  const Value x = context.inputs[0];
  return {{x * emit_with("HardSigmoid", {x}, {{"alpha", 1.0 / 6}, {"beta", 0.5}})}};
}

/// The mean over the axes from option "axis" on.
Value mean_from_axis(const RewriteContext& context, Value x) {
  std::vector<std::int64_t> axes;
  for (int axis = x.shape().normalized_axis(option_of<std::int64_t>(context.options, "axis")); axis < x.shape().rank(); ++axis)
    axes.push_back(axis);
  return emit_with("ReduceMean", {x}, {{"axes", axes}, {"keep_dims", true}});
}

/// 1 / √(mean x² + epsilon)
Value inverse_size(const RewriteContext& context, Value x) {
  return 1.0 / unary(context.graph, "Sqrt", mean_from_axis(context, x * x) + option_of<double>(context.options, "epsilon"));
}

Values simpler_layer_normalization(const RewriteContext& context) {
  const Value center = mean_from_axis(context, context.inputs[0]);
  const Value centred = context.inputs[0] - center;
  const Value inverse = inverse_size(context, centred);
  Value y = centred * inverse * context.inputs[1];
  if (context.inputs.size() > 2 && context.inputs[2]) y = y + context.inputs[2];
  return {{y, center, inverse}};
}

Values simpler_rms_normalization(const RewriteContext& context) {
  return {{context.inputs[0] * inverse_size(context, context.inputs[0]) * context.inputs[1]}};
}

/// Each group as an instance's channel, then scale and bias of the channels.
Values simpler_group_normalization(const RewriteContext& context) {
  const Value x = context.inputs[0];
  const Shape& shape = x.shape();
  const auto groups = option_of<std::int64_t>(context.options, "num_groups");
  const auto reshaped = [](Value value, std::vector<std::int64_t> extents) {
    return emit_with("Reshape", {value}, {{"shape", std::move(extents)}});
  };
  const auto filled = [&](float number) {
    return context.graph.constant(Tensor::of<float>({groups}, std::vector<float>(static_cast<std::size_t>(groups), number)));
  };
  const Value normal = emit_with("InstanceNormalization",
                                 {reshaped(x, {shape[0], groups, shape.product(1, shape.rank()) / groups}), filled(1), filled(0)},
                                 {{"epsilon", option_of<double>(context.options, "epsilon")}});
  std::vector<std::int64_t> channels(static_cast<std::size_t>(shape.rank() - 1), 1);
  channels.front() = shape[1];
  return {{reshaped(normal, {shape.extents().begin(), shape.extents().end()}) * reshaped(context.inputs[1], channels) +
           reshaped(context.inputs[2], channels)}};
}

}  // namespace

const NodeRule* find_simpler(const OpDef& op) {
  static const std::map<std::string, NodeRule> kRules = {{"Swish", swish},
                                                         {"Gelu", gelu},
                                                         {"Mish", mish},
                                                         {"HardSwish", hard_swish},
                                                         {"LayerNormalization", simpler_layer_normalization},
                                                         {"RMSNormalization", simpler_rms_normalization},
                                                         {"GroupNormalization", simpler_group_normalization}};
  const auto found = kRules.find(op.name);
  return found == kRules.end() ? nullptr : &found->second;
}

}  // namespace neurons::onnx
