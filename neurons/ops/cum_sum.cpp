#include "neurons/graph/graph.hpp"
#include "neurons/ops/common/running.hpp"

namespace neurons::ops {

std::vector<OpDef> cum_sum() {
  OpDef op = running_op("CumSum", "y[i] = x[0] + … + x[i] along the axis", 11, false);
  op.gradient = [](GradientContext& context) {
    RunningOptions back = context.as<RunningOptions>();
    back.reverse = !back.reverse;
    context.set(0, context.graph().emit("CumSum", {context.gradient()}, back));
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
