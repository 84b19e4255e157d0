#include <functional>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> add() {
  OpDef op = binary("Add", "y = a + b, broadcasting", kernels::add, [](double a, double b) { return a + b; });
  take_all_numbers<2>(op, [](auto a, auto b) { return wrapping(a, b, std::plus<>()); });
  op.onnx = {{"Add", 7, ""}};
  op.gradient = [](GradientContext& context) {
    for (const std::size_t i : {0U, 1U}) {
      if (context.wants(i)) context.set(i, sum_to(context.gradient(), context.input(i).shape()));
    }
  };
  op.samples = [] { return number_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
