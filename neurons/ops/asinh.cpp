#include <cmath>

#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> asinh() {
  OpDef op = plain_unary("Asinh", "y = ln(x + √(x² + 1))", 9, [](auto x) { return std::asinh(x); });
  op.gradient = [](GradientContext& context) {
    const Value x = context.input(0);
    context.set(0, context.gradient() / context.graph().emit("Sqrt", {x * x + 1.0}));
  };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
