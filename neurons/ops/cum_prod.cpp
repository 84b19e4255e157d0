#include "neurons/graph/graph.hpp"
#include "neurons/ops/common/running.hpp"

namespace neurons::ops {

std::vector<OpDef> cum_prod() {
  OpDef op = running_op("CumProd", "y[i] = x[0] · … · x[i] along the axis", 26, true);
  op.gradient = [](GradientContext& context) {  // dx = Σ dy · y / x over the products that x is in: NaN where x is 0
    RunningOptions back = context.as<RunningOptions>();
    back.reverse = !back.reverse;
    const Value terms = context.gradient() * context.output();
    context.set(0, context.graph().emit("CumSum", {terms}, back) / context.input(0));
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
