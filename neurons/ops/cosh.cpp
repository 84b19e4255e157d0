#include <cmath>

#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> cosh() {
  OpDef op = plain_unary("Cosh", "y = (exp(x) + exp(-x)) / 2", 9, [](auto x) { return std::cosh(x); });
  op.gradient = [](GradientContext& context) {
    const Value x = context.input(0);
    context.set(0, context.gradient() * context.graph().emit("Sinh", {x}));
  };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
