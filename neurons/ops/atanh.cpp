#include <cmath>

#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> atanh() {
  OpDef op = plain_unary("Atanh", "y = ln((1 + x) / (1 - x)) / 2; ±inf at ±1, NaN beyond", 9, [](auto x) { return std::atanh(x); });
  op.gradient = [](GradientContext& context) {
    const Value x = context.input(0);
    context.set(0, context.gradient() / (1.0 - x * x));
  };
  op.samples = [] { return unary_samples(Sample::Fill::unit); };
  return {std::move(op)};
}

}  // namespace neurons::ops
