#include <numeric>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"

namespace neurons::ops {
namespace {

struct SplitOptions {
  std::int64_t axis = 0;
  std::vector<std::int64_t> split;  ///< the parts' extents
  std::int64_t num_outputs = 0;     ///< instead of `split`: that many parts, equal but for a smaller last one

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("split", self.split);
    visit("num_outputs", self.num_outputs);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<SplitOptions>();
  const Shape& shape = context.shape(0);
  if (options.axis < -shape.rank() || options.axis >= shape.rank()) context.fail("there is no axis {}", options.axis);
  const int axis = shape.normalized_axis(options.axis);
  const std::int64_t extent = shape[axis];
  std::vector<std::int64_t> parts = options.split;
  if (parts.empty()) {
    if (options.num_outputs < 1) context.fail("expects the parts' extents (split) or their number (num_outputs)");
    constexpr std::int64_t kMostOfNothing = 1024;
    if (options.num_outputs > (extent > 0 ? extent : kMostOfNothing)) {
      context.fail("num_outputs = {}: axis {} has only {} elements to split", options.num_outputs, axis, extent);
    }
    const std::int64_t part = (extent + options.num_outputs - 1) / options.num_outputs;
    for (std::int64_t i = 0; i < options.num_outputs; ++i) {
      parts.push_back(std::max(std::int64_t{0}, std::min(part, extent - i * part)));
    }
  }
  std::vector<TensorType> types;
  for (const std::int64_t part : parts) {
    if (part < 0) context.fail("a part of {} is negative", part);
    types.push_back({context.dtype(), shape.with(axis, part)});
  }
  const std::int64_t sum = std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
  if (sum != extent) context.fail("the parts sum to {}, axis {} has {}", sum, axis, extent);
  return types;
}

Call prepare(const PrepareContext& context) {
  const Buffer& x = context.inputs[0];
  const int axis = x.type.shape.normalized_axis(context.as<SplitOptions>().axis);
  const auto from_strides = strides_of(x.type.shape);
  std::vector<kernels::StridedCopy> copies;
  std::int64_t place = 0;
  for (const Buffer& y : context.outputs) {
    const Shape& shape = y.type.shape;
    copies.push_back(copy_between(x, place, from_strides, y, 0, strides_of(shape), shape.extents()));
    place += shape[axis] * from_strides[static_cast<std::size_t>(axis)];
  }
  return copies_call(std::move(copies));
}

void reference(const ReferenceContext& context) {
  const ReferenceTensor& x = *context.inputs[0];
  const int axis = x.type.shape.normalized_axis(context.as<SplitOptions>().axis);
  std::int64_t start = 0;
  for (ReferenceTensor& y : context.outputs) {
    for (std::int64_t place = 0; place < y.elements(); ++place) {
      auto index = index_of(place, y.type.shape);
      index[static_cast<std::size_t>(axis)] += start;
      y.data[static_cast<std::size_t>(place)] = x.data[place_of(index, x.type.shape)];
    }
    start += y.type.shape[axis];
  }
}

}  // namespace

std::vector<OpDef> split() {
  OpDef op = mover("Split", "The input cut into parts along the axis", 1, SplitOptions{});
  op.onnx_inputs = {{1, "split", 13}};
  op.infer = infer;
  op.kernels = {{"strided copies", nullptr, prepare}};
  op.reference = reference;
  op.gradient = [](GradientContext& context) {
    const auto& options = context.as<SplitOptions>();
    const Shape& shape = context.input(0).shape();
    const int axis = shape.normalized_axis(options.axis);
    std::vector<Value> parts;
    for (std::int64_t covered = 0, i = 0; covered < shape[axis]; ++i) {
      parts.push_back(context.gradient(static_cast<std::size_t>(i)));
      covered += parts.back().shape()[axis];
    }
    if (parts.empty()) parts.push_back(context.gradient(0));  // an empty input
    const OpDef& concat = context.graph().table()->find("Concat");
    context.set(0, context.graph().emit_all(concat, parts, concat.default_options.with({{"axis", std::int64_t{axis}}})).front());
  };
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {3, 7}}}}, SplitOptions{1, {2, 5}, 0}, "columns"},
                               {{{{DType::f32, {7, 3}}}}, SplitOptions{0, {}, 3}, "equal but for the last"},
                               {{{{DType::f32, {2, 6, 5}}}}, SplitOptions{-2, {1, 0, 5}, 0}, "one part is empty"},
                               {{{{DType::f32, {0, 2}}}}, SplitOptions{0, {0, 0}, 0}, "nothing"},
                               {{{{DType::f32, {4}}}}, SplitOptions{0, {4}, 0}, "one part"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
