#include <limits>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/reduction.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

/// log Σ exp(x - m) + m with m = max x, which must be finite for x - m to be a number.
Value log_sum_exp(Value x, const Options& options) {
  Graph& graph = x.graph();
  const DType dtype = x.type().dtype;
  const double limit = dtype == DType::f64 ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max();
  const auto bound = [&](double value) { return graph.constant(Tensor::of<double>({}, std::vector{value}).cast(dtype)); };
  const Options kept = options.with({{"keep_dims", true}});
  Value largest = graph.emit("ReduceMax", {x}, kept);
  largest = graph.emit("Min", {graph.emit("Max", {largest, bound(-limit)}), bound(limit)});
  const Value sum = graph.emit("ReduceSum", {graph.emit("Exp", {x - largest})}, options);
  return graph.emit("Log", {sum}) + reshaped(largest, sum.shape());
}

}  // namespace

std::vector<OpDef> reduce_log_sum_exp() {
  OpDef op = reduction_frame("ReduceLogSumExp", "y = log Σ exp(x) over the axes, without overflow", Sample::Fill::normal);
  op.decompose = [](const RewriteContext& context) {
    return std::vector{through_floats(context.inputs[0], [&](Value x) { return log_sum_exp(x, context.options); })};
  };
  op.gradient = [](GradientContext& context) {
    const Value share = context.graph().emit("Exp", {context.input(0) - with_kept_axes(context, context.output())});
    context.set(0, share * with_kept_axes(context, context.gradient()));
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
