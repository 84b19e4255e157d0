#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct UnsqueezeOptions {
  std::vector<std::int64_t> axes;  ///< of the result, to have extent 1
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axes", self.axes);
  }
};

Shape target(const InferContext& context) {
  const auto& axes = context.as<UnsqueezeOptions>().axes;
  const Shape& shape = context.shape(0);
  const auto rank = static_cast<std::int64_t>(axes.size()) + shape.rank();
  std::vector<bool> added(static_cast<std::size_t>(rank), false);
  for (const std::int64_t axis : axes) {
    if (axis < -rank || axis >= rank) context.fail("axis {} must be from {} to {}", axis, -rank, rank - 1);
    const auto place = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
    if (added[place]) context.fail("axis {} is named twice", axis);
    added[place] = true;
  }
  std::vector<std::int64_t> extents;
  int next = 0;
  for (const bool one : added) extents.push_back(one ? 1 : shape[next++]);
  return Shape(std::span<const std::int64_t>(extents));
}

}  // namespace

std::vector<OpDef> unsqueeze() {
  OpDef op = view_op("Unsqueeze", "The input with new axes of extent 1", UnsqueezeOptions{}, target);
  op.onnx = {{"Unsqueeze", 1, ""}};
  op.onnx_inputs = {{1, "axes", 13}};
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {3, 5}}}}, UnsqueezeOptions{{0, -1}}, "both ends"},
                               {{{{DType::f32, {3, 5}}}}, UnsqueezeOptions{{2, 1}}, "two neighbours, in any order"},
                               {{{{DType::f32, {}}}}, UnsqueezeOptions{{0}}, "a scalar"},
                               {{{{DType::f32, {0}}}}, UnsqueezeOptions{{1}}, "empty"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
