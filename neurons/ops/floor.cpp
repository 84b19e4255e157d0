#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> floor() {
  OpDef op = unary("Floor", "y = the largest whole number ≤ x", kernels::floor, [](double x) { return std::floor(x); });
  op.onnx = {{"Floor", 6, ""}};
  op.gradient = [](GradientContext& context) { context.set_zero(); };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
