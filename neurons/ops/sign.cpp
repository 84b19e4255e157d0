#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> sign() {
  OpDef op = unary("Sign", "y = -1, 0 or 1 as x is negative, zero or positive; NaN stays NaN", kernels::sign, [](double x) {
    return x > 0 ? 1.0 : x < 0 ? -1.0 : x;
  });
  take_all_numbers<1>(op, [](auto x) { return x > 0 ? decltype(x)(1) : x < 0 ? decltype(x)(-1) : x; });
  op.onnx = {{"Sign", 9, ""}};
  op.gradient = [](GradientContext& context) { context.set_zero(); };
  op.samples = [] {
    auto samples = unary_samples(Sample::Fill::away_from_0);
    samples.push_back(signed_integers());
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
