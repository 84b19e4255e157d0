#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> reciprocal() {
  OpDef op = unary("Reciprocal", "y = 1 / x", kernels::reciprocal, [](double x) { return 1 / x; });
  op.onnx = {{"Reciprocal", 6, ""}};
  op.gradient = [](GradientContext& context) { context.set(0, -(context.gradient() * context.output() * context.output())); };
  op.samples = [] { return unary_samples(Sample::Fill::away_from_0); };
  return {std::move(op)};
}

}  // namespace neurons::ops
