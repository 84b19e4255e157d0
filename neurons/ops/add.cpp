#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> add() {
  OpDef op = binary("Add", "y = a + b, broadcasting", kernels::add, [](double a, double b) { return a + b; });
  op.onnx = {{"Add", 7, ""}};
  op.gradient = [](GradientContext& context) {
    for (const std::size_t i : {0U, 1U}) {
      if (context.wants(i)) context.set(i, sum_to(context.gradient(), context.input(i).shape()));
    }
  };
  op.samples = [] { return binary_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
