#include <cmath>

#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {
namespace {

struct ModOptions {
  bool fmod = false;  ///< the remainder has the sign of a, as in C; else that of b, as in Python

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("fmod", self.fmod);
  }
};

/// A whole number modulo 0 is 0, modulo a real 0 NaN.
template <bool like_c>
struct Remainder {
  template <typename T>
  T operator()(T a, T b) const noexcept {
    T rest = 0;
    if constexpr (std::is_integral_v<T>) {
      if (b != 0 && (std::is_unsigned_v<T> || b != static_cast<T>(-1))) rest = static_cast<T>(a % b);
    } else {
      rest = std::fmod(a, b);
    }
    if (!like_c && rest != 0 && (rest < 0) != (b < 0)) rest = static_cast<T>(rest + b);
    return rest;
  }
};

template <bool like_c>
kernels::TileFunction loop(DType dtype) {
  if (dtype == DType::f32) return plain_loop<float, float, 2, Remainder<like_c>>;
  return number_loop<2>(dtype, Remainder<like_c>());
}

void reference(const ReferenceContext& context) {
  const DType dtype = context.outputs[0].type.dtype;
  run_scalar(context, [whole = dtype != DType::f32 && dtype != DType::f64](const double* in, const Options& options) {
    if (whole && in[1] == 0) return 0.0;
    return options.as<ModOptions>().fmod ? Remainder<true>()(in[0], in[1]) : Remainder<false>()(in[0], in[1]);
  });
}

/// y = a - n · b, where the whole number n steps.
void gradient(GradientContext& context) {
  const Value dy = context.gradient();
  const Value b = context.input(1);
  if (context.wants(0)) context.set(0, sum_to(dy, context.input(0).shape()));
  if (!context.wants(1)) return;
  const Value n = context.graph().emit("Round", {(context.input(0) - context.output()) / b});
  context.set(1, sum_to(-(dy * n), b.shape()));
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  const Tensor a = Tensor::of<std::int64_t>({7}, std::vector<std::int64_t>{-7, 7, -7, 7, 5, -6, 0});
  const Tensor b = Tensor::of<std::int64_t>({7}, std::vector<std::int64_t>{3, -3, -3, 3, -1, 6, -4});
  for (const bool fmod : {false, true}) {
    const ModOptions options{fmod};
    for (Sample& sample : binary_samples(Sample::Fill::away_from_0, options)) result.push_back(std::move(sample));
    for (Sample& sample : integer_samples()) {
      sample.options = options;
      sample.inputs[1].fill = sample.inputs[1].type.dtype == DType::f64 ? Sample::Fill::away_from_0 : Sample::Fill::given;
      sample.inputs[1].value = b.cast(sample.inputs[1].type.dtype);
      if (sample.inputs[1].type.dtype != DType::u8) result.push_back(std::move(sample));
    }
    for (const DType dtype : {DType::i32, DType::i64, DType::f32}) {
      const bool slopes = false;  // at steps
      result.push_back({{{{dtype, {7}}, Sample::Fill::given, 1, a.cast(dtype), slopes},
                         {{dtype, {7}}, Sample::Fill::given, 1, b.cast(dtype), slopes}},
                        options,
                        "all signs"});
    }
    result.push_back({{{{DType::u8, {5, 7}}, Sample::Fill::index, 250}, {{DType::u8, {5, 1}}, Sample::Fill::index, 9}},
                      options,
                      "bytes, some modulo 0"});
  }
  return result;
}

}  // namespace

std::vector<OpDef> mod() {
  OpDef op = elementwise("Mod", "y = a modulo b, with the sign of b, or with fmod that of a", 2, nullptr, nullptr);
  op.default_options = ModOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const Shape shape = broadcast_shape(context, kNumbers);
    return {{context.dtype(), shape}};
  };
  op.elementwise->function = [](const InferContext& context) {
    return context.as<ModOptions>().fmod ? loop<true>(context.dtype()) : loop<false>(context.dtype());
  };
  op.reference = reference;
  op.gradient = gradient;
  op.onnx = {{"Mod", 10, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
