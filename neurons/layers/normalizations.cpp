#include "neurons/layers/normalizations.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

void require_epsilon(BuildContext& context, float epsilon) {
  if (!(epsilon > 0 && std::isfinite(epsilon))) fail_input("{}: epsilon = {} must be above 0", context.graph().scope(), epsilon);
}

Value weight_of(BuildContext& context, const Shape& shape) {
  return context.parameter("weight", {shape, {"constant", 1.0F}, 1, 1, {}});
}
Value bias_of(BuildContext& context, const Shape& shape) {
  return context.parameter("bias", {shape, {"constant", 0.0F}, 1, 1, {}});
}

/// The only input, [batch, channels, …] with at least `rank` axes.
Value channels_input(BuildContext& context, const std::vector<Value>& inputs, int rank) {
  const Value x = single_input(context, inputs);
  if (x.shape().rank() < rank) {
    fail_input("{}: expects [batch, channels{}], got {}", context.graph().scope(), rank == 2 ? ", …" : ", places…",
               x.shape().to_string());
  }
  return x;
}

/// The shape of the axes from `axis` on.
Shape normalized_shape(BuildContext& context, const Shape& x, std::int64_t axis) {
  const std::int64_t first = axis < 0 ? axis + x.rank() : axis;
  if (first < 1 || first >= x.rank()) {
    fail_input("{}: axis = {} is none of {} behind the batch; choose {} to {}, or -1 for the last", context.graph().scope(), axis,
               x.to_string(), 1, x.rank() - 1);
  }
  return Shape(x.extents().subspan(static_cast<std::size_t>(first)));
}

bool is_assigned(const Graph& graph, Value state) {
  return std::ranges::any_of(graph.assignments(), [&](const Assignment& assignment) { return assignment.state == state.id(); });
}

}  // namespace

Value BatchNorm::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = channels_input(context, inputs, 2);
  Graph& graph = context.graph();
  require_epsilon(context, epsilon);
  if (!(momentum >= 0 && momentum <= 1)) fail_input("{}: momentum = {} must be in [0, 1]", graph.scope(), momentum);
  const Shape channels{x.shape()[1]};
  const Value weight = weight_of(context, channels);
  const Value bias = bias_of(context, channels);
  ParameterSpec statistic{channels, {"constant", 0.0F}, 1, 1, {}, false};
  const Value mean = context.parameter("running_mean", statistic);
  statistic.initializer.value = 1.0F;
  const Value variance = context.parameter("running_var", statistic);
  const bool training =
      context.mode() == Mode::training && !(context.is_frozen("running_mean") && context.is_frozen("running_var"));
  const OpDef& op = graph.table()->find("BatchNormalization");
  const Options options = op.default_options.with({{"epsilon", static_cast<double>(epsilon)},
                                                   {"momentum", 1 - static_cast<double>(momentum)},
                                                   {"training_mode", training},
                                                   {"unbiased", true}});
  if (training) {
    if (x.shape().elements() < 2 * channels.elements()) {
      fail_input(
          "{}: a batch {} has one value of each channel, which has no variance; choose a batch_size that leaves no last batch of "
          "one",
          graph.scope(), x.shape().to_string());
    }
    if (is_assigned(graph, mean)) {
      fail_input("{}: cannot be shared: its running statistics would mix those of several places; add a layer for each",
                 graph.scope());
    }
  }
  const auto results = graph.emit_all(op, std::array{x, weight, bias, mean, variance}, options);
  if (training) {
    if (!context.is_frozen("running_mean")) graph.assign(mean, results[1]);
    if (!context.is_frozen("running_var")) graph.assign(variance, results[2]);
  }
  return results[0];
}

Value LayerNorm::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  require_epsilon(context, epsilon);
  const Shape shape = normalized_shape(context, x.shape(), axis);
  return emit_with("LayerNormalization", {x, weight_of(context, shape), bias_of(context, shape)},
                   {{"axis", axis}, {"epsilon", static_cast<double>(epsilon)}});
}

Value LocalResponseNorm::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = channels_input(context, inputs, 2);
  const std::string& scope = context.graph().scope();
  if (size < 1) fail_input("{}: size = {} must be at least 1", scope, size);
  if (!(bias > 0 && std::isfinite(bias))) fail_input("{}: bias = {} must be above 0", scope, bias);
  if (!(alpha >= 0 && std::isfinite(alpha))) fail_input("{}: alpha = {} must be at least 0", scope, alpha);
  if (!std::isfinite(beta)) fail_input("{}: beta = {} must be finite", scope, beta);
  return emit_with("LRN", {x},
                   {{"size", size},
                    {"alpha", static_cast<double>(alpha)},
                    {"beta", static_cast<double>(beta)},
                    {"bias", static_cast<double>(bias)}});
}

Value GroupNorm::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = channels_input(context, inputs, 2);
  require_epsilon(context, epsilon);
  const Shape channels{x.shape()[1]};
  if (groups < 1 || channels[0] % groups != 0) {
    fail_input("{}: groups = {} does not divide the {} channels", context.graph().scope(), groups, channels[0]);
  }
  return emit_with("GroupNormalization", {x, weight_of(context, channels), bias_of(context, channels)},
                   {{"num_groups", groups}, {"epsilon", static_cast<double>(epsilon)}});
}

Value InstanceNorm::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = channels_input(context, inputs, 3);
  require_epsilon(context, epsilon);
  const Shape channels{x.shape()[1]};
  return emit_with("InstanceNormalization", {x, weight_of(context, channels), bias_of(context, channels)},
                   {{"epsilon", static_cast<double>(epsilon)}});
}

Value RmsNorm::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  require_epsilon(context, epsilon);
  return emit_with("RMSNormalization", {x, weight_of(context, normalized_shape(context, x.shape(), axis))},
                   {{"axis", axis}, {"epsilon", static_cast<double>(epsilon)}});
}

}  // namespace neurons
