#include <cmath>
#include <functional>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> abs() {
  OpDef op = unary("Abs", "y = |x|", kernels::absolute, [](double x) { return std::abs(x); });
  take_all_numbers<1>(op, [](auto x) { return x < 0 ? wrapping(decltype(x){}, x, std::minus<>()) : x; });
  op.onnx = {{"Abs", 6, ""}};
  op.gradient = [](GradientContext& context) {
    context.set(0, context.gradient() * context.graph().emit("Sign", {context.input(0)}));
  };
  op.samples = [] {
    auto samples = unary_samples(Sample::Fill::away_from_0);
    samples.push_back(signed_integers());
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
