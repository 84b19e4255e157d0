#include <functional>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> sub() {
  OpDef op = binary("Sub", "y = a - b, broadcasting", kernels::subtract, [](double a, double b) { return a - b; });
  take_all_numbers<2>(op, [](auto a, auto b) { return wrapping(a, b, std::minus<>()); });
  op.onnx = {{"Sub", 7, ""}};
  op.gradient = [](GradientContext& context) {
    if (context.wants(0)) context.set(0, sum_to(context.gradient(), context.input(0).shape()));
    if (context.wants(1)) context.set(1, sum_to(-context.gradient(), context.input(1).shape()));
  };
  op.samples = [] {
    auto samples = number_samples(Sample::Fill::normal);
    std::erase_if(samples, [](const Sample& sample) { return sample.inputs[0].type.dtype == DType::u8; });  // 0 - 1 wraps there
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
