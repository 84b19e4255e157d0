#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> mul() {
  OpDef op = binary("Mul", "y = a · b, broadcasting", kernels::multiply, [](double a, double b) { return a * b; });
  op.onnx = {{"Mul", 7, ""}};
  op.gradient = [](GradientContext& context) {
    const Value a = context.input(0);
    const Value b = context.input(1);
    if (context.wants(0)) context.set(0, sum_to(context.gradient() * b, a.shape()));
    if (context.wants(1)) context.set(1, sum_to(context.gradient() * a, b.shape()));
  };
  op.samples = [] { return binary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
