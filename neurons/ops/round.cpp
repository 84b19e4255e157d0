#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> round() {
  OpDef op = unary("Round", "y = the nearest whole number, halves to the even one", kernels::round,
                   [](double x) { return std::nearbyint(x); });
  op.onnx = {{"Round", 11, ""}};
  op.gradient = [](GradientContext& context) { context.set_zero(); };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
