#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> sqrt() {
  OpDef op = unary("Sqrt", "y = √x; NaN where x < 0", kernels::square_root, [](double x) { return std::sqrt(x); });
  op.onnx = {{"Sqrt", 6, ""}};
  op.gradient = [](GradientContext& context) { context.set(0, context.gradient() * 0.5 / context.output()); };
  op.samples = [] { return unary_samples(Sample::Fill::positive); };
  return {std::move(op)};
}

}  // namespace neurons::ops
