#include <algorithm>
#include <cmath>
#include <functional>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {
namespace {

std::vector<TensorType> infer(const InferContext& context) {
  for (const std::size_t i : {0U, 1U}) {
    if (context.dtype(i) == DType::boolean) context.fail("takes numbers");
  }
  return {{context.dtype(), broadcast_shape(context)}};
}

void reference(const ReferenceContext& context) {
  const DType dtype = context.inputs[0]->type.dtype;
  const bool whole = dtype != DType::f32 && dtype != DType::f64;
  run_scalar(context, [whole](const double* in, const Options&) {
    const double y = std::pow(in[0], in[1]);
    return whole ? std::trunc(y) : y;
  });
}

/// By squares; integers wrap around. What is no whole number is 0, as 1 / 0 is.
template <typename T>
T power_of(T base, T exponent) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::pow(base, exponent);
  } else {
    if constexpr (std::is_signed_v<T>) {
      if (exponent < 0) return base == 1 ? T{1} : base == -1 ? (exponent % 2 == 0 ? T{1} : T{-1}) : T{0};
    }
    T result = 1;
    for (T square = base, left = exponent; left > 0; left = static_cast<T>(left / 2)) {
      if (left % 2 != 0) result = wrapping(result, square, std::multiplies<>());
      square = wrapping(square, square, std::multiplies<>());
    }
    return result;
  }
}

/// d x^p / dx = p · x^(p-1), which is 0 for p = 0 at any x; d x^p / dp = x^p · ln x, taken as 0 where x ≤ 0.
void gradient(GradientContext& context) {
  Graph& graph = context.graph();
  const Value dy = context.gradient();
  const Value x = context.input(0);
  const Value p = context.input(1);
  if (context.wants(0)) {
    const bool alike = p.type().dtype == x.type().dtype;
    const Value power = alike ? p : emit_with("Cast", {p}, {{"to", std::string(name_of(x.type().dtype))}});
    const Value none = graph.emit("Equal", {power, graph.scalar(0)});
    const Value slope = power * graph.emit("Pow", {x, choose(none, graph.scalar(1), power) - 1.0});
    context.set(0, sum_to(dy * slope, x.shape()));
  }
  if (context.wants(1)) {
    const Value positive = above(x, 0);
    const Value logarithm = graph.emit("Log", {choose(positive, x, 1.0)});
    context.set(1, sum_to(dy * choose(positive, context.output() * logarithm, 0.0), p.shape()));
  }
}

/// Powers 1, 2 and -1 are no powers; an exponent of another type is cast to that of a float base, and integers of several types to
/// the widest.
std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  const Value x = context.inputs[0];
  const Value p = context.inputs[1];
  const DType dtype = x.type().dtype;
  const bool is_float = dtype == DType::f32 || dtype == DType::f64;
  if (is_float && p.type().dtype != dtype) {
    const Value cast = emit_with("Cast", {p}, {{"to", std::string(name_of(dtype))}});
    return std::vector{context.graph.emit("Pow", {x, cast})};
  }
  if (!is_float && p.type().dtype != dtype && p.type().dtype != DType::f32 && p.type().dtype != DType::f64) {
    const auto as = [](Value value, DType to) { return emit_with("Cast", {value}, {{"to", std::string(name_of(to))}}); };
    return std::vector{as(context.graph.emit("Pow", {as(x, DType::i64), as(p, DType::i64)}), dtype)};
  }
  const auto& constant = context.graph.info(p.id()).constant;
  if (!is_float || constant == nullptr || constant->elements() != 1 || p.shape().rank() > x.shape().rank()) return std::nullopt;
  const double power = widen(*constant).data[0];
  if (power == 1) return std::vector{x};
  if (power == 2) return std::vector{x * x};
  if (power == -1) return std::vector{context.graph.emit("Reciprocal", {x})};
  return std::nullopt;
}

std::vector<Sample> samples() {
  std::vector<Sample> samples = binary_samples(Sample::Fill::positive);
  const Tensor base = Tensor::of<float>({3}, std::vector<float>{-1.5F, 0.5F, 2});
  for (const float power : {-1.0F, 0.0F, 1.0F, 2.0F, 3.0F}) {
    const Tensor exponent = Tensor::scalar(power);
    samples.push_back({{{base.type(), Sample::Fill::given, 1, base}, {exponent.type(), Sample::Fill::given, 1, exponent, false}},
                       {},
                       fmt::format("to the power {}", power)});
  }
  const Tensor whole = Tensor::of<std::int64_t>({3}, std::vector<std::int64_t>{2, -2, 0});
  samples.push_back(
      {{{base.type(), Sample::Fill::given, 1, base}, {whole.type(), Sample::Fill::given, 1, whole}}, {}, "integer exponents"});
  const Tensor powers = Tensor::of<std::int64_t>({5}, std::vector<std::int64_t>{0, 5, 2, -3, -2});
  const Tensor bases = Tensor::of<std::int64_t>({5}, std::vector<std::int64_t>{7, -3, 10, -1, 4});
  for (const auto& [base_type, power_type] : {std::pair(DType::i64, DType::i64), std::pair(DType::i32, DType::i32),
                                              std::pair(DType::i32, DType::i64), std::pair(DType::i64, DType::i32)}) {
    const Tensor x = bases.cast(base_type);
    const Tensor p = powers.cast(power_type);
    samples.push_back({{{x.type(), Sample::Fill::given, 1, x}, {p.type(), Sample::Fill::given, 1, p}}, {}, "integers"});
  }
  return samples;
}

}  // namespace

std::vector<OpDef> pow() {
  OpDef op = binary("Pow", "y = x^p, broadcasting; NaN where x < 0 and p is not whole", kernels::power, nullptr);
  op.infer = infer;
  op.elementwise->function = [](const InferContext& context) -> kernels::TileFunction {
    if (context.dtype(0) != context.dtype(1)) return nullptr;
    if (context.dtype(0) == DType::f32) return kernels::power;
    return number_loop<2>(context.dtype(0), [](auto x, auto p) { return power_of(x, p); });
  };
  op.reference = reference;
  op.onnx = {{"Pow", 7, ""}};
  op.gradient = gradient;
  op.simplify = simplify;
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
