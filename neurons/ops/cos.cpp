#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> cos() {
  OpDef op = unary("Cos", "y = cos x", kernels::cosine, [](double x) { return std::cos(x); });
  op.onnx = {{"Cos", 7, ""}};
  op.gradient = [](GradientContext& context) {
    context.set(0, -(context.gradient() * context.graph().emit("Sin", {context.input(0)})));
  };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
