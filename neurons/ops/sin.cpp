#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> sin() {
  OpDef op = unary("Sin", "y = sin x", kernels::sine, [](double x) { return std::sin(x); });
  op.onnx = {{"Sin", 7, ""}};
  op.gradient = [](GradientContext& context) {
    context.set(0, context.gradient() * context.graph().emit("Cos", {context.input(0)}));
  };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
