#include <cmath>
#include <numbers>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> erf() {
  OpDef op = unary("Erf", "y = 2/√π · ∫ e^(-t²) dt from 0 to x", kernels::error_function, [](double x) { return std::erf(x); });
  op.onnx = {{"Erf", 9, ""}};
  op.gradient = [](GradientContext& context) {
    const Value x = context.input(0);
    context.set(0, context.gradient() * (2.0 * std::numbers::inv_sqrtpi) * context.graph().emit("Exp", {-(x * x)}));
  };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
