#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/reduction.hpp"

namespace neurons::ops {

std::vector<OpDef> reduce_l2() {
  OpDef op = reduction_frame("ReduceL2", "y = √ Σ x² over the axes", Sample::Fill::normal);
  op.decompose = [](const RewriteContext& context) -> std::vector<Value> {
    const Value sum = context.graph.emit("ReduceSumSquare", {context.inputs[0]}, context.options);
    return {through_floats(sum, [](Value value) { return value.graph().emit("Sqrt", {value}); })};
  };
  op.gradient = [](GradientContext& context) {  // dx = dy · x / y, and 0 where all x are 0
    Graph& graph = context.graph();
    const Value y = with_kept_axes(context, context.output());
    const Value divisor = choose(graph.emit("Equal", {y, number_like(y, 0)}), 1.0, y);
    context.set(0, context.input(0) * (with_kept_axes(context, context.gradient()) / divisor));
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
