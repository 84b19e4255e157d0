#include <algorithm>
#include <limits>

#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"

namespace neurons::ops {
namespace {

struct ConcatOptions {
  std::int64_t axis = 0;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const Shape& first = context.shape(0);
  const std::int64_t named = context.as<ConcatOptions>().axis;
  if (named < -first.rank() || named >= first.rank()) context.fail("there is no axis {}", named);
  const int axis = first.normalized_axis(named);
  std::int64_t extent = 0;
  for (std::size_t i = 0; i < context.inputs.size(); ++i) {
    const TensorType& type = context.inputs[i];
    if (type.dtype != context.dtype())
      context.fail("input {} is {}, the first is {}", i, name_of(type.dtype), name_of(context.dtype()));
    if (type.shape.rank() != first.rank() || type.shape.with(axis, 0) != first.with(axis, 0)) {
      context.fail("input {} is {}, which differs from the first in more than axis {}", i, type.shape.to_string(), axis);
    }
    extent += type.shape[axis];
  }
  return {{context.dtype(), first.with(axis, extent)}};
}

Call prepare(const PrepareContext& context) {
  const Buffer& y = context.outputs[0];
  const int axis = y.type.shape.normalized_axis(context.as<ConcatOptions>().axis);
  const auto to_strides = strides_of(y.type.shape);
  std::vector<kernels::StridedCopy> copies;
  std::int64_t place = 0;
  for (const Buffer& x : context.inputs) {
    const Shape& shape = x.type.shape;
    copies.push_back(copy_between(x, 0, strides_of(shape), y, place, to_strides, shape.extents()));
    place += shape[axis] * to_strides[static_cast<std::size_t>(axis)];
  }
  return copies_call(std::move(copies));
}

void reference(const ReferenceContext& context) {
  ReferenceTensor& y = context.outputs[0];
  const int axis = y.type.shape.normalized_axis(context.as<ConcatOptions>().axis);
  std::int64_t start = 0;
  for (const ReferenceTensor* x : context.inputs) {
    for (std::int64_t place = 0; place < x->elements(); ++place) {
      auto index = index_of(place, x->type.shape);
      index[static_cast<std::size_t>(axis)] += start;
      y.data[place_of(index, y.type.shape)] = x->data[static_cast<std::size_t>(place)];
    }
    start += x->type.shape[axis];
  }
}

void gradient(GradientContext& context) {
  const int axis = context.output().shape().normalized_axis(context.as<ConcatOptions>().axis);
  std::int64_t start = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const std::int64_t extent = context.input(i).shape()[axis];
    if (context.wants(i)) context.set(i, sliced(context.gradient(), axis, start, start + extent));
    start += extent;
  }
}

}  // namespace

/// Images that come channels last stay so.
std::vector<OpDef> concat() {
  OpDef op = mover("Concat", "The inputs one after the other along the axis", 1, ConcatOptions{});
  op.maximum_inputs = std::numeric_limits<std::int32_t>::max();
  op.infer = infer;
  op.kernels = {{"strided copies", nullptr, prepare}};
  op.reference = reference;
  op.gradient = gradient;
  op.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    if (context.inputs.size() == 1) return std::vector{context.inputs[0]};
    const bool images = std::ranges::any_of(context.inputs, [](const Value& x) { return bool(before_channels_first(x)); });
    if (!images) return std::nullopt;
    std::vector<Value> inputs;
    for (const Value& x : context.inputs) inputs.push_back(to_channels_last(x));
    const ConcatOptions moved{axis_channels_last(context.options.as<ConcatOptions>().axis, inputs[0].shape().rank())};
    return std::vector{to_channels_first(context.graph.emit_all(context.op, inputs, moved, context.name).front())};
  };
  op.samples = [] {
    return std::vector<Sample>{
        {{{{DType::f32, {3, 2}}}, {{DType::f32, {3, 5}}}}, ConcatOptions{1}, "columns"},
        {{{{DType::f32, {3, 2}}}, {{DType::f32, {1, 2}}}, {{DType::f32, {7, 2}}}}, ConcatOptions{0}, "rows of three"},
        {{{{DType::f32, {2, 3, 5}}}, {{DType::f32, {2, 4, 5}}}}, ConcatOptions{-2}, "the middle axis"},
        {{{{DType::f32, {3, 0}}}, {{DType::f32, {3, 2}}}}, ConcatOptions{1}, "one is empty"},
        {{{{DType::f32, {0}}}, {{DType::f32, {0}}}}, ConcatOptions{0}, "all are empty"},
        {{{{DType::f32, {4}}}}, ConcatOptions{0}, "one alone"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
