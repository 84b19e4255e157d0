#include <cmath>

#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> sinh() {
  OpDef op = plain_unary("Sinh", "y = (exp(x) - exp(-x)) / 2", 9, [](auto x) { return std::sinh(x); });
  op.gradient = [](GradientContext& context) {
    const Value x = context.input(0);
    context.set(0, context.gradient() * context.graph().emit("Cosh", {x}));
  };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
