#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> ceil() {
  OpDef op = unary("Ceil", "y = the smallest whole number ≥ x", kernels::ceil, [](double x) { return std::ceil(x); });
  op.onnx = {{"Ceil", 6, ""}};
  op.gradient = [](GradientContext& context) { context.set_zero(); };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
