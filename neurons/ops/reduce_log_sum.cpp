#include "neurons/ops/common/reduction.hpp"

namespace neurons::ops {

std::vector<OpDef> reduce_log_sum() {
  OpDef op = reduction_frame("ReduceLogSum", "y = log Σ x over the axes", Sample::Fill::positive);
  op.decompose = [](const RewriteContext& context) {
    const Value sum = context.graph.emit("ReduceSum", {context.inputs[0]}, context.options);
    return std::vector{through_floats(sum, [](Value value) { return value.graph().emit("Log", {value}); })};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
