#include <algorithm>
#include <limits>

#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/panels.hpp"

namespace neurons::ops {
namespace {

struct SliceOptions {
  std::vector<std::int64_t> starts;  ///< negative: from the end; beyond the end: clamped
  std::vector<std::int64_t> ends;    ///< exclusive
  std::vector<std::int64_t> axes;    ///< none: the first ones
  std::vector<std::int64_t> steps;   ///< none: all 1

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("starts", self.starts);
    visit("ends", self.ends);
    visit("axes", self.axes);
    visit("steps", self.steps);
  }
};

struct SliceGradientOptions : SliceOptions {
  std::vector<std::int64_t> shape;  ///< of what was sliced

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    SliceOptions::fields(self, visit);
    visit("shape", self.shape);
  }
};

/// The elements start, start + step, … of an axis.
struct Range {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
};

/// Where `place` of an axis of `extent` is, between `low` and `high`.
std::int64_t clamped(std::int64_t place, std::int64_t extent, std::int64_t low, std::int64_t high) {
  return std::clamp(place < 0 ? place + extent : place, low, high);
}

/// One range for each axis. Throws InputError where the options contradict themselves or the shape.
std::vector<Range> ranges_of(const SliceOptions& options, const Shape& shape) {
  std::vector<Range> ranges;
  for (const std::int64_t extent : shape.extents()) ranges.push_back({0, 1, extent});
  const std::size_t count = options.starts.size();
  if (options.ends.size() != count) fail_input("{} starts but {} ends", count, options.ends.size());
  if (!options.axes.empty() && options.axes.size() != count) fail_input("{} starts but {} axes", count, options.axes.size());
  if (!options.steps.empty() && options.steps.size() != count) fail_input("{} starts but {} steps", count, options.steps.size());
  std::vector<bool> named(ranges.size(), false);
  for (std::size_t i = 0; i < count; ++i) {
    const int axis = shape.normalized_axis(options.axes.empty() ? static_cast<std::int64_t>(i) : options.axes[i]);
    const auto place = static_cast<std::size_t>(axis);
    if (named[place]) fail_input("axis {} is named twice", axis);
    named[place] = true;
    const std::int64_t extent = shape[axis];
    Range& range = ranges[place];
    range.step = options.steps.empty() ? 1 : options.steps[i];
    if (range.step == 0) fail_input("the step along axis {} is 0", axis);
    // One step is enough to leave the axis; longer ones would overflow below.
    range.step = std::clamp(range.step, -std::max<std::int64_t>(1, extent), std::max<std::int64_t>(1, extent));
    if (range.step > 0) {
      range.start = clamped(options.starts[i], extent, 0, extent);
      const std::int64_t end = clamped(options.ends[i], extent, 0, extent);
      range.count = end > range.start ? (end - range.start - 1) / range.step + 1 : 0;
    } else {
      range.start = clamped(options.starts[i], extent, 0, std::max<std::int64_t>(0, extent - 1));
      const std::int64_t end = clamped(options.ends[i], extent, -1, extent - 1);
      range.count = extent > 0 && range.start > end ? (range.start - end - 1) / -range.step + 1 : 0;
    }
  }
  return ranges;
}

Shape shape_of(std::span<const Range> ranges) {
  std::vector<std::int64_t> extents;
  for (const Range& range : ranges) extents.push_back(range.count);
  return Shape(std::span<const std::int64_t>(extents));
}

Shape whole_shape(const Options& options) { return Shape(std::span<const std::int64_t>(options.as<SliceGradientOptions>().shape)); }

/// How the part lies in the whole: its first element's place, and the elements between neighbours along each axis.
struct Part {
  std::int64_t offset = 0;
  std::vector<std::int64_t> strides;
};

Part part_of(std::span<const Range> ranges, const Shape& whole) {
  Part part{0, strides_of(whole)};
  for (std::size_t axis = 0; axis < ranges.size(); ++axis) {
    part.offset += ranges[axis].start * part.strides[axis];
    part.strides[axis] *= ranges[axis].step;
  }
  return part;
}

Call prepare(const PrepareContext& context) {
  const Shape& whole = context.inputs[0].type.shape;
  const Shape& result = context.outputs[0].type.shape;
  if (result.elements() == 0) return copies_call({});
  const Part part = part_of(ranges_of(context.as<SliceOptions>(), whole), whole);
  return copies_call(
      {copy_between(context.inputs[0], part.offset, part.strides, context.outputs[0], 0, strides_of(result), result.extents())});
}

/// Calls visit(place in the part, place in the whole) for each element of the part.
template <typename Visit>
void for_each_element(std::span<const Range> ranges, const Shape& whole, Visit visit) {
  const Shape shape = shape_of(ranges);
  for (std::int64_t place = 0; place < shape.elements(); ++place) {
    auto index = index_of(place, shape);
    for (std::size_t axis = 0; axis < index.size(); ++axis) index[axis] = ranges[axis].start + index[axis] * ranges[axis].step;
    visit(static_cast<std::size_t>(place), place_of(index, whole));
  }
}

void reference(const ReferenceContext& context) {
  const Shape& whole = context.inputs[0]->type.shape;
  for_each_element(ranges_of(context.as<SliceOptions>(), whole), whole,
                   [&](std::size_t part, std::size_t place) { context.outputs[0].data[part] = context.inputs[0]->data[place]; });
}

/// Contiguous parts are put back by Pad, whose work is shared; others by SliceGradient.
void gradient(GradientContext& context) {
  const auto& options = context.as<SliceOptions>();
  const Shape& whole = context.input(0).shape();
  const auto ranges = ranges_of(options, whole);
  if (std::ranges::all_of(ranges, [](const Range& range) { return range.step == 1; })) {
    std::vector<std::int64_t> pads;
    for (const Range& range : ranges) pads.push_back(range.start);
    for (int axis = 0; axis < whole.rank(); ++axis) {
      const Range& range = ranges[static_cast<std::size_t>(axis)];
      pads.push_back(whole[axis] - range.start - range.count);
    }
    return context.set(0, emit_with("Pad", {context.gradient()}, {{"pads", pads}}));
  }
  SliceGradientOptions back;
  static_cast<SliceOptions&>(back) = options;
  back.shape = extents_of(whole);
  context.set(0, context.graph().emit("SliceGradient", {context.gradient()}, back));
}

struct SpreadCall {
  kernels::StridedCopy copy;
  bool any = false;
  std::byte* to = nullptr;
  std::size_t bytes = 0;
};

/// One worker alone: the part's elements lie scattered among the zeros.
void spread(const SpreadCall& call, std::byte*, Worker worker) noexcept {
  std::fill_n(call.to, call.bytes, std::byte{0});
  if (call.any) kernels::strided_copy(call.copy, worker);
}

Call prepare_gradient(const PrepareContext& context) {
  const Buffer& dy = context.inputs[0];
  const Buffer& dx = context.outputs[0];
  SpreadCall call{{}, dy.type.shape.elements() > 0, dx.data, dx.type.bytes()};
  if (call.any) {
    const Part part = part_of(ranges_of(context.as<SliceGradientOptions>(), dx.type.shape), dx.type.shape);
    call.copy = copy_between(dy, 0, strides_of(dy.type.shape), dx, part.offset, part.strides, dy.type.shape.extents());
  }
  return Call::of<spread>(call, false);
}

/// A slice along one axis of what was concatenated along it, within one of the parts: a slice of that part.
std::optional<Value> slice_of_part(const RewriteContext& context, std::span<const Range> ranges) {
  const Node* node = producer(context.inputs[0]);
  if (node == nullptr || node->op->name != "Concat") return std::nullopt;
  const Shape& whole = context.inputs[0].shape();
  const Value first = context.graph.value(node->inputs[0]);
  int axis = 0;  // the one along which the parts lie
  while (axis < whole.rank() && first.shape()[axis] == whole[axis]) ++axis;
  for (int other = 0; other < whole.rank(); ++other) {
    const Range& range = ranges[static_cast<std::size_t>(other)];
    if (range.step != 1 || (other != axis && range.count != whole[other])) return std::nullopt;
  }
  if (axis == whole.rank()) return std::nullopt;
  const Range& range = ranges[static_cast<std::size_t>(axis)];
  std::int64_t start = 0;
  for (const int id : node->inputs) {
    const Value part = context.graph.value(id);
    const std::int64_t extent = part.shape()[axis];
    const std::int64_t from = range.start - start;
    if (from >= 0 && from + range.count <= extent) {
      return from == 0 && range.count == extent ? part : sliced(part, axis, from, from + range.count);
    }
    start += extent;
  }
  return std::nullopt;
}

std::vector<Sample> samples() {
  constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kNear = std::numeric_limits<std::int64_t>::min();
  const TensorType box{DType::f32, {4, 5, 3}};
  return {{{{box}}, SliceOptions{{1, 0}, {3, 2}, {}, {}}, "the first axes"},
          {{{box}}, SliceOptions{{-2}, {kFar}, {1}, {}}, "the last two, to the far end"},
          {{{box}}, SliceOptions{{-1}, {kNear}, {1}, {-1}}, "backwards through all"},
          {{{box}}, SliceOptions{{3, -1}, {0, -4}, {0, -1}, {-2, -1}}, "backwards by two and by one"},
          {{{box}}, SliceOptions{{0}, {5}, {1}, {3}}, "every third"},
          {{{box}}, SliceOptions{{0}, {5}, {1}, {kFar}}, "a step beyond the end"},
          {{{box}}, SliceOptions{{2}, {2}, {0}, {}}, "nothing"},
          {{{box}}, SliceOptions{{9}, {12}, {0}, {}}, "beyond the end"},
          {{{{DType::f32, {0, 3}}}}, SliceOptions{{0}, {1}, {0}, {}}, "of nothing"},
          {{{{DType::i64, {7}}, Sample::Fill::index, 9}}, SliceOptions{{1}, {6}, {}, {2}}, "integers"},
          {{{box}}, SliceOptions{}, "everything"}};
}

std::vector<Sample> gradient_samples() {
  SliceGradientOptions thirds{{{0}, {5}, {1}, {3}}, {4, 5}};
  SliceGradientOptions backwards{{{-1}, {-6}, {1}, {-2}}, {4, 5}};
  SliceGradientOptions nothing{{{2}, {2}, {0}, {2}}, {4, 5}};
  return {{{{{DType::f32, {4, 2}}}}, thirds, "every third"},
          {{{{DType::f32, {4, 3}}}}, backwards, "backwards"},
          {{{{DType::f32, {0, 5}}}}, nothing, "nothing"}};
}

}  // namespace

std::vector<OpDef> slice() {
  OpDef op = mover("Slice", "The elements start, start + step, … before end, along some axes", 1, SliceOptions{});
  op.onnx_inputs = {{1, "starts", 10}, {2, "ends", 10}, {3, "axes", 10}, {4, "steps", 10}};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    return {{context.dtype(), shape_of(ranges_of(context.as<SliceOptions>(), context.shape(0)))}};
  };
  op.kernels = {{"strided copy", nullptr, prepare}};
  op.reference = reference;
  op.gradient = gradient;
  op.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const Shape& whole = context.inputs[0].shape();
    const auto ranges = ranges_of(context.options.as<SliceOptions>(), whole);
    const bool all = std::ranges::all_of(ranges, [](const Range& range) { return range.start == 0 && range.step == 1; });
    if (all && shape_of(ranges) == whole) return std::vector{context.inputs[0]};
    if (const auto part = slice_of_part(context, ranges)) return std::vector{*part};
    const Value last = before_channels_first(context.inputs[0]);  // images that come channels last stay so
    if (!last) return std::nullopt;
    SliceOptions moved = context.options.as<SliceOptions>();
    for (std::size_t i = moved.axes.size(); i < moved.starts.size(); ++i) moved.axes.push_back(static_cast<std::int64_t>(i));
    for (std::int64_t& axis : moved.axes) axis = axis_channels_last(axis, whole.rank());
    const std::vector<Value> inputs{last};
    return std::vector{to_channels_first(context.graph.emit_all(context.op, inputs, moved, context.name).front())};
  };
  op.samples = samples;

  OpDef back = mover("SliceGradient", "dx: dy at the places that were sliced, 0 elsewhere", 1, SliceGradientOptions{});
  back.source = op.source;
  back.onnx.clear();
  back.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const Shape whole = whole_shape(context.options);
    const Shape part = shape_of(ranges_of(context.as<SliceGradientOptions>(), whole));
    if (context.shape(0) != part) context.fail("expects {}", part.to_string());
    return {{context.dtype(), whole}};
  };
  back.kernels = {{"fill and strided copy", nullptr, prepare_gradient}};
  back.reference = [](const ReferenceContext& context) {
    const Shape& whole = context.outputs[0].type.shape;
    std::ranges::fill(context.outputs[0].data, 0.0);
    for_each_element(ranges_of(context.as<SliceGradientOptions>(), whole), whole,
                     [&](std::size_t part, std::size_t place) { context.outputs[0].data[place] = context.inputs[0]->data[part]; });
  };
  back.gradient = [](GradientContext& context) {
    const SliceOptions& forward = context.as<SliceGradientOptions>();
    context.set(0, context.graph().emit("Slice", {context.gradient()}, SliceOptions(forward)));
  };
  back.samples = gradient_samples;
  return {std::move(op), std::move(back)};
}

}  // namespace neurons::ops
