#include <cmath>
#include <functional>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {
namespace {

/// Integers truncate towards 0; anything / 0 is 0, and what -1 makes of the smallest integer wraps around.
template <typename T>
T quotient(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    if (b == T{0}) return T{0};
    if constexpr (std::is_signed_v<T>) {
      if (b == T{-1}) return wrapping(T{0}, a, std::minus<>());
    }
  }
  return static_cast<T>(a / b);
}

void reference(const ReferenceContext& context) {
  const DType dtype = context.inputs[0]->type.dtype;
  const bool whole = dtype != DType::f32 && dtype != DType::f64;
  run_scalar(context, [whole](const double* in, const Options&) {
    if (!whole) return in[0] / in[1];
    return in[1] == 0 ? 0 : std::trunc(in[0] / in[1]);
  });
}

void gradient(GradientContext& context) {
  const Value b = context.input(1);
  const Value slope = context.gradient() / b;  // dy / b; and dy · -a / b² = -(dy / b) · y
  if (context.wants(0)) context.set(0, sum_to(slope, context.input(0).shape()));
  if (context.wants(1)) context.set(1, sum_to(-(slope * context.output()), b.shape()));
}

}  // namespace

std::vector<OpDef> div() {
  OpDef op = binary("Div", "y = a / b, broadcasting; integers truncate, and give 0 where b is 0", kernels::divide, nullptr);
  take_all_numbers<2>(op, [](auto a, auto b) { return quotient(a, b); });
  op.reference = reference;
  op.onnx = {{"Div", 7, ""}};
  op.gradient = gradient;
  op.samples = [] { return number_samples(Sample::Fill::away_from_0); };
  return {std::move(op)};
}

}  // namespace neurons::ops
