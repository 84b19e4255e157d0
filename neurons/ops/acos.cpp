#include <cmath>

#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> acos() {
  OpDef op = plain_unary("Acos", "y = arccos x, in [0, π]; NaN where |x| > 1", 7, [](auto x) { return std::acos(x); });
  op.gradient = [](GradientContext& context) {
    const Value x = context.input(0);
    context.set(0, -(context.gradient() / context.graph().emit("Sqrt", {1.0 - x * x})));
  };
  op.samples = [] { return unary_samples(Sample::Fill::unit); };
  return {std::move(op)};
}

}  // namespace neurons::ops
