#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> round() {
  OpDef op = unary("Round", "y = the nearest whole number, halves to the even one", kernels::round,
                   [](double x) { return std::nearbyint(x); });
  op.onnx = {{"Round", 11, ""}};
  op.gradient = [](GradientContext&) {};  // steps: the derivative is 0 wherever there is one
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
