#include <algorithm>

#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct SqueezeOptions {
  std::vector<std::int64_t> axes;  ///< to remove; none: every axis of extent 1
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axes", self.axes);
  }
};

Shape target(const InferContext& context) {
  const auto& axes = context.as<SqueezeOptions>().axes;
  const Shape& shape = context.shape(0);
  std::vector<bool> removed(static_cast<std::size_t>(shape.rank()), false);
  for (const std::int64_t axis : axes) {
    if (axis < -shape.rank() || axis >= shape.rank()) context.fail("there is no axis {}", axis);
    const int place = shape.normalized_axis(axis);
    if (shape[place] != 1) context.fail("axis {} has extent {}, only axes of extent 1 can be removed", axis, shape[place]);
    removed[static_cast<std::size_t>(place)] = true;
  }
  std::vector<std::int64_t> extents;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axes.empty() ? shape[axis] != 1 : !removed[static_cast<std::size_t>(axis)]) extents.push_back(shape[axis]);
  }
  return Shape(std::span<const std::int64_t>(extents));
}

}  // namespace

std::vector<OpDef> squeeze() {
  OpDef op = view_op("Squeeze", "The input without axes of extent 1", SqueezeOptions{}, target);
  op.onnx = {{"Squeeze", 1, ""}};
  op.onnx_inputs = {{1, "axes", 13}};
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {1, 3, 1, 5}}}}, SqueezeOptions{}, "all"},
                               {{{{DType::f32, {1, 3, 1, 5}}}}, SqueezeOptions{{-2}}, "one, from the end"},
                               {{{{DType::f32, {1, 0}}}}, SqueezeOptions{{0}}, "empty"},
                               {{{{DType::f32, {1, 1}}}}, SqueezeOptions{}, "to a scalar"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
