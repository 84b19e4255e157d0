#include <type_traits>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"
#include "neurons/tensor/convert.hpp"

namespace neurons::ops {
namespace {

struct CastOptions {
  DType to = DType::f32;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("to", self.to);
  }
};

template <typename To, typename From>
void loop(const kernels::Tile& tile) noexcept {
  for (std::int64_t row = 0; row < tile.rows; ++row) {
    for (std::int64_t column = 0; column < tile.columns; ++column) {
      kernels::at<To>(tile.streams[1], row, column) = convert<To>(kernels::at<From>(tile.streams[0], row, column));
    }
  }
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
  const DType dtype = context.inputs[0]->type.dtype;
  const bool whole = dtype != DType::f32 && dtype != DType::f64;
  with_type(options.to, [&]<typename To>(To*) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      if constexpr (std::is_floating_point_v<To>) {
        to[i] = from[i];
      } else if (whole) {
        to[i] = static_cast<double>(convert<To>(convert<std::int64_t>(from[i])));
      } else {
        to[i] = static_cast<double>(convert<To>(from[i]));
      }
    }
  });
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
  const Tensor wide = Tensor::of<std::int64_t>({4}, std::vector<std::int64_t>{-1, 300, 4294967295, -2147483649});
  for (const DType to : {DType::i32, DType::u8, DType::boolean}) {
    samples.push_back({{{wide.type(), Sample::Fill::given, 1, wide}}, CastOptions{to}, "low bits"});
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
