#include <cmath>

#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> atan() {
  OpDef op = plain_unary("Atan", "y = arctan x, in [-π/2, π/2]", 7, [](auto x) { return std::atan(x); });
  op.gradient = [](GradientContext& context) {
    const Value x = context.input(0);
    context.set(0, context.gradient() / (x * x + 1.0));
  };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
