#include <cmath>
#include <limits>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {
namespace {

struct CastOptions {
  DType to = DType::f32;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("to", self.to);
  }
};

/// Floats to integers truncate and saturate, NaN becomes 0; integers to smaller integers wrap around (as in Tensor::cast).
template <typename To, typename From>
To converted(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{0};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    const auto wide = static_cast<double>(value);
    if (std::isnan(wide)) return To{0};
    if (wide <= static_cast<double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (wide >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return static_cast<To>(wide);
  } else {
    return static_cast<To>(value);
  }
}

template <typename To, typename From>
void loop(const kernels::Tile& tile) noexcept {
  for (std::int64_t row = 0; row < tile.rows; ++row) {
    for (std::int64_t column = 0; column < tile.columns; ++column) {
      kernels::at<To>(tile.streams[1], row, column) = converted<To>(kernels::at<From>(tile.streams[0], row, column));
    }
  }
}

/// Calls `function` with a null pointer to the C++ type.
template <typename Function>
kernels::TileFunction with_type(DType dtype, Function function) {
  switch (dtype) {
    case DType::f32:
      return function(static_cast<float*>(nullptr));
    case DType::f64:
      return function(static_cast<double*>(nullptr));
    case DType::i32:
      return function(static_cast<std::int32_t*>(nullptr));
    case DType::i64:
      return function(static_cast<std::int64_t*>(nullptr));
    case DType::u8:
      return function(static_cast<std::uint8_t*>(nullptr));
    case DType::boolean:
      return function(static_cast<bool*>(nullptr));
  }
  return nullptr;
}

kernels::TileFunction function(const InferContext& context) {
  const DType from = context.dtype();
  const DType to = context.as<CastOptions>().to;
  if (to == DType::f32 && from == DType::boolean) return kernels::boolean_to_float;
  if (to == DType::f32 && from == DType::u8) return kernels::byte_to_float;
  if (to == DType::f32 && from == DType::f32) return kernels::identity;
  return with_type(from, [&]<typename From>(From*) {
    return with_type(to, []<typename To>(To*) -> kernels::TileFunction { return loop<To, From>; });
  });
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<CastOptions>();
  const auto& from = context.inputs[0]->data;
  auto& to = context.outputs[0].data;
  for (std::size_t i = 0; i < from.size(); ++i) {
    switch (options.to) {
      case DType::f32:
      case DType::f64:
        to[i] = from[i];
        break;
      case DType::i32:
        to[i] = static_cast<double>(converted<std::int32_t>(from[i]));
        break;
      case DType::i64:
        to[i] = static_cast<double>(converted<std::int64_t>(from[i]));
        break;
      case DType::u8:
        to[i] = static_cast<double>(converted<std::uint8_t>(from[i]));
        break;
      case DType::boolean:
        to[i] = from[i] != 0 ? 1 : 0;
        break;
    }
  }
}

std::vector<Sample> samples() {
  std::vector<Sample> samples;
  for (const DType from : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean}) {
    for (const DType to : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean}) {
      const bool is_float = from == DType::f32 || from == DType::f64;
      samples.push_back({{{{from, {5, 7}}, is_float ? Sample::Fill::normal : Sample::Fill::index, from == DType::boolean ? 2 : 99}},
                         CastOptions{to},
                         fmt::format("{} to {}", name_of(from), name_of(to))});
    }
  }
  const Tensor extremes = Tensor::of<float>({6}, std::vector<float>{-3e38F, 3e38F, -1.75F, 1.75F, -0.0F, 300});
  for (const DType to : {DType::i32, DType::u8, DType::boolean}) {
    samples.push_back({{{extremes.type(), Sample::Fill::given, 1, extremes}}, CastOptions{to}, "extremes"});
  }
  return samples;
}

}  // namespace

std::vector<OpDef> cast() {
  OpDef op = elementwise("Cast", "y = x as another element type", 1, nullptr, nullptr);
  op.default_options = CastOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    return {{context.as<CastOptions>().to, context.shape(0)}};
  };
  op.elementwise->function = function;
  op.reference = reference;
  op.gradient = [](GradientContext& context) {
    context.set(0, context.graph().emit("Cast", {context.gradient()}, CastOptions{context.input(0).type().dtype}));
  };
  op.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    if (context.options.as<CastOptions>().to != context.inputs[0].type().dtype) return std::nullopt;
    return std::vector{context.inputs[0]};
  };
  op.flops = [](const InferContext&) { return 0.0; };
  op.onnx = {{"Cast", 6, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
