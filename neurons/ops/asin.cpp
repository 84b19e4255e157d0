#include <cmath>

#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> asin() {
  OpDef op = plain_unary("Asin", "y = arcsin x, in [-π/2, π/2]; NaN where |x| > 1", 7, [](auto x) { return std::asin(x); });
  op.gradient = [](GradientContext& context) {
    const Value x = context.input(0);
    context.set(0, context.gradient() / context.graph().emit("Sqrt", {1.0 - x * x}));
  };
  op.samples = [] { return unary_samples(Sample::Fill::unit); };
  return {std::move(op)};
}

}  // namespace neurons::ops
