#include <functional>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> neg() {
  OpDef op = unary("Neg", "y = -x", kernels::negate, [](double x) { return -x; });
  take_all_numbers<1>(op, [](auto x) { return wrapping(decltype(x){}, x, std::minus<>()); });
  op.onnx = {{"Neg", 6, ""}};
  op.gradient = [](GradientContext& context) { context.set(0, -context.gradient()); };
  op.samples = [] {
    auto samples = unary_samples(Sample::Fill::away_from_0);
    samples.push_back(signed_integers());
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
