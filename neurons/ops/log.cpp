#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> log() {
  OpDef op = unary("Log", "y = ln x; -inf where x = 0, NaN where x < 0", kernels::logarithm, [](double x) { return std::log(x); });
  op.onnx = {{"Log", 6, ""}};
  op.gradient = [](GradientContext& context) { context.set(0, context.gradient() / context.input(0)); };
  op.samples = [] { return unary_samples(Sample::Fill::positive); };
  return {std::move(op)};
}

}  // namespace neurons::ops
