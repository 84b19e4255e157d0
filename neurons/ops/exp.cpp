#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> exp() {
  OpDef op = unary("Exp", "y = e^x", kernels::exponential, [](double x) { return std::exp(x); });
  op.onnx = {{"Exp", 6, ""}};
  op.gradient = [](GradientContext& context) { context.set(0, context.gradient() * context.output()); };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
