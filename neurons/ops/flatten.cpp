#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct FlattenOptions {
  std::int64_t axis = 1;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
  }
};

Shape target(const InferContext& context) {
  const Shape& shape = context.shape(0);
  const std::int64_t axis = context.as<FlattenOptions>().axis;
  if (axis < -shape.rank() || axis > shape.rank()) {
    context.fail("axis {} must be from {} to {}", axis, -shape.rank(), shape.rank());
  }
  const auto place = static_cast<int>(axis < 0 ? axis + shape.rank() : axis);
  return {shape.product(0, place), shape.product(place, shape.rank())};
}

}  // namespace

std::vector<OpDef> flatten() {
  OpDef op = view_op("Flatten", "A matrix: the axes before `axis` are its rows, the others its columns", FlattenOptions{}, target);
  op.onnx = {{"Flatten", 1, ""}};
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {2, 3, 4}}}}, FlattenOptions{1}, "images to rows"},
                               {{{{DType::f32, {2, 3, 5, 4}}}}, FlattenOptions{-1}, "from the end"},
                               {{{{DType::f32, {7}}}}, FlattenOptions{0}, "one row"},
                               {{{{DType::f32, {0, 3}}}}, FlattenOptions{1}, "empty"},
                               {{{{DType::i64, {2, 3}}}}, FlattenOptions{2}, "one column"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
