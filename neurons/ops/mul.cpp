#include <functional>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> mul() {
  OpDef op = binary("Mul", "y = a · b, broadcasting", kernels::multiply, [](double a, double b) { return a * b; });
  take_all_numbers<2>(op, [](auto a, auto b) { return wrapping(a, b, std::multiplies<>()); });
  op.onnx = {{"Mul", 7, ""}};
  op.gradient = [](GradientContext& context) {
    const Value a = context.input(0);
    const Value b = context.input(1);
    if (context.wants(0)) context.set(0, sum_to(context.gradient() * b, a.shape()));
    if (context.wants(1)) context.set(1, sum_to(context.gradient() * a, b.shape()));
  };
  op.samples = [] { return number_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
