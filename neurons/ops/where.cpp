#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {
namespace {

std::vector<TensorType> infer(const InferContext& context) {
  if (context.dtype(0) != DType::boolean) context.fail("the condition must be bool");
  if (context.dtype(1) != context.dtype(2)) context.fail("both alternatives must have one element type");
  return {{context.dtype(1), broadcast_shape(context)}};
}

template <typename T>
void loop(const kernels::Tile& tile) noexcept {
  for (std::int64_t row = 0; row < tile.rows; ++row) {
    for (std::int64_t column = 0; column < tile.columns; ++column) {
      const bool first = kernels::at<bool>(tile.streams[0], row, column);
      kernels::at<T>(tile.streams[3], row, column) = kernels::at<T>(tile.streams[first ? 1 : 2], row, column);
    }
  }
}

kernels::TileFunction function(const InferContext& context) {
  switch (context.dtype(1)) {
    case DType::f32:
      return kernels::where;
    case DType::f64:
      return loop<double>;
    case DType::i32:
      return loop<std::int32_t>;
    case DType::i64:
      return loop<std::int64_t>;
    case DType::u8:
    case DType::boolean:
      return loop<std::uint8_t>;
  }
  return nullptr;
}

void gradient(GradientContext& context) {
  const Value condition = context.input(0);
  const Value dy = context.gradient();
  if (context.wants(1)) context.set(1, sum_to(choose(condition, dy, 0.0), context.input(1).shape()));
  if (context.wants(2)) context.set(2, sum_to(choose(condition, 0.0, dy), context.input(2).shape()));
}

std::vector<Sample> samples() {
  const std::vector<std::array<Shape, 3>> cases = {{Shape{}, Shape{}, Shape{}},       {Shape{5, 7}, Shape{5, 7}, Shape{5, 7}},
                                                   {Shape{5, 7}, Shape{}, Shape{7}},  {Shape{7}, Shape{5, 7}, Shape{5, 1}},
                                                   {Shape{5, 1}, Shape{7}, Shape{}},  {Shape{2, 1, 3}, Shape{4, 1}, Shape{2, 4, 3}},
                                                   {Shape{33}, Shape{33}, Shape{33}}, {Shape{0, 3}, Shape{3}, Shape{}}};
  std::vector<Sample> samples;
  for (const auto& [condition, a, b] : cases) {
    samples.push_back({{{{DType::boolean, condition}, Sample::Fill::boolean}, {{DType::f32, a}}, {{DType::f32, b}}},
                       {},
                       condition.to_string() + " of " + a.to_string() + " and " + b.to_string()});
  }
  for (const DType dtype : {DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean}) {
    samples.push_back({{{{DType::boolean, {5, 7}}, Sample::Fill::boolean},
                        {{dtype, {5, 7}}, Sample::Fill::index, 2},
                        {{dtype, {7}}, Sample::Fill::index, 2}},
                       {},
                       std::string(name_of(dtype))});
  }
  return samples;
}

}  // namespace

std::vector<OpDef> where() {
  OpDef op = elementwise("Where", "y = condition ? a : b, broadcasting", 3, nullptr,
                         [](const double* in, const Options&) { return in[0] != 0 ? in[1] : in[2]; });
  op.infer = infer;
  op.elementwise->function = function;
  op.gradient = gradient;
  op.onnx = {{"Where", 9, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
