#include <algorithm>
#include <numeric>
#include <optional>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/panels.hpp"
#include "neurons/ops/common/pool.hpp"
#include "neurons/ops/common/reduction.hpp"

namespace neurons::ops {
namespace {

/// A pool's gradient adds each slope to one pixel of the same channel: over all pixels the sum is that of the slopes, which are
/// fewer.
std::optional<std::vector<Value>> over_slopes_of_pool(const RewriteContext& context) {
  const Node* node = producer(context.inputs[0]);
  if (node == nullptr || node->op->name != "MaxPoolGradient") return std::nullopt;
  std::vector<bool> reduced = context.options.as<ReductionOptions>().reduced(context.inputs[0].shape());
  const auto channel = node->options.as<PoolOptions>().channels_last ? reduced.end() - 1 : reduced.begin() + 1;
  reduced.erase(channel);
  if (std::find(reduced.begin() + 1, reduced.end(), false) != reduced.end()) return std::nullopt;
  return std::vector{context.graph.emit(context.op, {context.graph.value(node->inputs[1])}, context.options)};
}

}  // namespace

std::vector<OpDef> reduce_sum() {
  ReductionRule rule{"ReduceSum", "The sum over the axes", kernels::Reduction::sum, {}, {}, {}};
  rule.reference = [](std::span<const double> x) { return std::accumulate(x.begin(), x.end(), 0.0); };
  rule.gradient = [](GradientContext& context) {
    context.set(0, expanded(with_kept_axes(context, context.gradient()), context.input(0).shape()));
  };
  OpDef op = reduction_op(std::move(rule), Sample::Fill::normal);
  op.onnx_inputs = {{1, "axes", 13}};
  op.simplify = [own = std::move(op.simplify)](const RewriteContext& context) {
    const auto simpler = own(context);
    return simpler ? simpler : over_slopes_of_pool(context);
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
