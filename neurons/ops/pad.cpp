#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"

namespace neurons::ops {
namespace {

struct PadOptions {
  std::vector<std::int64_t> pads;  ///< before each axis, then after each; negative: cut away
  std::string mode = "constant";   ///< "constant", "edge", "reflect" (without the edge), "wrap"
  float value = 0.0F;              ///< of "constant"
  std::vector<std::int64_t> axes;  ///< none: all

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("pads", self.pads);
    visit("mode", self.mode);
    visit("value", self.value);
    visit("axes", self.axes);
  }
};

struct AxisPad {
  std::int64_t before = 0;
  std::int64_t after = 0;

  std::int64_t cut_before() const { return std::max<std::int64_t>(0, -before); }
  /// Elements that are not cut away.
  std::int64_t left_of(std::int64_t extent) const { return extent - cut_before() - std::max<std::int64_t>(0, -after); }
};

/// One pad for each axis of a shape. Throws InputError where the options contradict themselves or the shape.
std::vector<AxisPad> pads_of(const PadOptions& options, const Shape& shape) {
  std::vector<AxisPad> pads(static_cast<std::size_t>(shape.rank()));
  const std::size_t count = options.axes.empty() ? pads.size() : options.axes.size();
  if (options.pads.size() != 2 * count) fail_input("{} pads for {} axes: expects two for each", options.pads.size(), count);
  std::vector<bool> named(pads.size(), false);
  for (std::size_t i = 0; i < count; ++i) {
    const int axis = shape.normalized_axis(options.axes.empty() ? static_cast<std::int64_t>(i) : options.axes[i]);
    const auto place = static_cast<std::size_t>(axis);
    if (named[place]) fail_input("axis {} is named twice", axis);
    named[place] = true;
    pads[place] = {options.pads[i], options.pads[i + count]};
  }
  return pads;
}

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<PadOptions>();
  constexpr std::int64_t kMost = std::int64_t{1} << 48;
  static constexpr std::array<std::string_view, 4> kModes = {"constant", "edge", "reflect", "wrap"};
  if (std::ranges::find(kModes, options.mode) == kModes.end()) {
    context.fail("mode must be \"constant\", \"edge\", \"reflect\" or \"wrap\"");
  }
  std::vector<std::int64_t> extents;
  for (const AxisPad& pad : pads_of(options, context.shape(0))) {
    const std::int64_t extent = context.shape(0)[static_cast<int>(extents.size())];
    if (pad.before > kMost || pad.after > kMost) fail_input("a pad is larger than 2^48");
    if (pad.before < -kMost || pad.after < -kMost) fail_input("pads cut more than axis {} has", extents.size());
    if (extent + pad.before + pad.after < 0) fail_input("pads cut more than axis {} has", extents.size());
    const std::int64_t repeated = options.mode == "wrap" ? pad.left_of(extent) : extent;
    if (repeated <= 0 && options.mode != "constant" && extent + pad.before + pad.after > 0) {
      fail_input("axis {} has nothing to repeat", extents.size());
    }
    extents.push_back(extent + pad.before + pad.after);
  }
  return {{context.dtype(), Shape(std::span<const std::int64_t>(extents))}};
}

/// Which element of an axis stands at `place` (0: the first of the input), for the modes that repeat elements. What is cut away is
/// not wrapped around, as in ONNX Runtime.
std::int64_t source_of(std::int64_t place, const AxisPad& pad, std::int64_t extent, const std::string& mode) {
  if (mode == "edge") return std::clamp<std::int64_t>(place, 0, extent - 1);
  const bool wraps = mode == "wrap";
  const std::int64_t first = wraps ? pad.cut_before() : 0;
  const std::int64_t period = wraps ? pad.left_of(extent) : std::max<std::int64_t>(1, 2 * (extent - 1));
  const std::int64_t within = (((place - first) % period) + period) % period;
  return first + (within < extent ? within : period - within);
}

/// The sources along one padded axis, as indices for Gather.
Tensor sources_of(const AxisPad& pad, std::int64_t extent, const std::string& mode) {
  std::vector<std::int64_t> sources;
  for (std::int64_t place = -pad.before; place < extent + pad.after; ++place)
    sources.push_back(source_of(place, pad, extent, mode));
  return Tensor::of<std::int64_t>({static_cast<std::int64_t>(sources.size())}, sources);
}

struct ConstantCall {
  std::shared_ptr<std::array<std::byte, 8>> value;
  std::vector<kernels::StridedCopy> copies;
};

void run(const ConstantCall& call, std::byte*, Worker worker) noexcept {
  for (const auto& copy : call.copies) kernels::strided_copy(copy, worker);
}

/// The input in the middle; along each axis in turn, a slab before and one after it that spans what the axes before have left. No
/// two of the copies meet.
Call prepare(const PrepareContext& context) {
  const auto& options = context.as<PadOptions>();
  const Buffer& x = context.inputs[0];
  const Buffer& y = context.outputs[0];
  const auto pads = pads_of(options, x.type.shape);
  const auto to_strides = strides_of(y.type.shape);
  const std::vector<std::int64_t> still(pads.size(), 0);
  ConstantCall call{std::make_shared<std::array<std::byte, 8>>(), {}};
  const Tensor value = Tensor::scalar(options.value).cast(y.type.dtype);
  std::memcpy(call.value->data(), value.bytes().data(), value.bytes().size());
  const Buffer constant{call.value->data(), value.type()};

  std::vector<std::int64_t> extents = extents_of(y.type.shape);
  std::int64_t corner = 0;  // of what is left, in y
  std::int64_t from = 0;
  const auto add = [&](const Buffer& source, std::int64_t source_offset, std::span<const std::int64_t> strides,
                       std::int64_t offset) {
    if (std::ranges::find(extents, 0) != extents.end()) return;
    call.copies.push_back(copy_between(source, source_offset, strides, y, offset, to_strides, extents));
  };
  const auto from_strides = strides_of(x.type.shape);
  for (std::size_t axis = 0; axis < pads.size(); ++axis) {
    const std::int64_t whole = extents[axis];
    const std::int64_t before = std::clamp<std::int64_t>(pads[axis].before, 0, whole);
    const std::int64_t after = std::clamp<std::int64_t>(pads[axis].after, 0, whole - before);
    extents[axis] = before;
    add(constant, 0, still, corner);
    extents[axis] = after;
    add(constant, 0, still, corner + (whole - after) * to_strides[axis]);
    extents[axis] = whole - before - after;
    corner += before * to_strides[axis];
    from += std::max<std::int64_t>(0, -pads[axis].before) * from_strides[axis];
  }
  add(x, from, from_strides, corner);
  return Call::of<run>(std::move(call), true);
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<PadOptions>();
  const ReferenceTensor& x = *context.inputs[0];
  ReferenceTensor& y = context.outputs[0];
  const auto pads = pads_of(options, x.type.shape);
  for (std::int64_t place = 0; place < y.elements(); ++place) {
    auto index = index_of(place, y.type.shape);
    bool inside = true;
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      const std::int64_t extent = x.type.shape[static_cast<int>(axis)];
      index[axis] -= pads[axis].before;
      if (options.mode != "constant") index[axis] = source_of(index[axis], pads[axis], extent, options.mode);
      inside = inside && index[axis] >= 0 && index[axis] < extent;
    }
    const double value = static_cast<double>(options.value);
    y.data[static_cast<std::size_t>(place)] = inside ? x.data[place_of(index, x.type.shape)] : value;
  }
}

/// Repeating elements is gathering along each padded axis.
std::optional<std::vector<Value>> as_gathers(const RewriteContext& context) {
  const auto& options = context.options.as<PadOptions>();
  if (options.mode == "constant") return std::nullopt;
  Value y = context.inputs[0];
  const auto pads = pads_of(options, y.shape());
  for (std::size_t axis = 0; axis < pads.size(); ++axis) {
    if (pads[axis].before == 0 && pads[axis].after == 0) continue;
    const Value sources = context.graph.constant(sources_of(pads[axis], y.shape()[static_cast<int>(axis)], options.mode));
    y = emit_with("Gather", {y, sources}, {{"axis", static_cast<std::int64_t>(axis)}});
  }
  return std::vector{y};
}

void gradient(GradientContext& context) {
  const auto& options = context.as<PadOptions>();
  const Shape& shape = context.input(0).shape();
  if (options.mode == "constant") {  // padding with 0 the other way round
    std::vector<std::int64_t> back = options.pads;
    std::ranges::transform(back, back.begin(), std::negate<>{});
    return context.set(0, emit_with("Pad", {context.gradient()}, {{"pads", back}, {"axes", options.axes}}));
  }
  const auto pads = pads_of(options, shape);
  Value dx = context.gradient();
  for (std::size_t axis = pads.size(); axis-- > 0;) {
    if (pads[axis].before == 0 && pads[axis].after == 0) continue;
    const std::int64_t extent = shape[static_cast<int>(axis)];
    const Value sources = context.graph().constant(sources_of(pads[axis], extent, options.mode));
    dx = emit_with("GatherGradient", {dx, sources}, {{"axis", static_cast<std::int64_t>(axis)}, {"extent", extent}});
  }
  context.set(0, dx);
}

std::vector<Sample> samples() {
  const TensorType matrix{DType::f32, {3, 4}};
  std::vector<Sample> result = {{{{matrix}}, PadOptions{{1, 2, 0, 3}, "constant", -0.5F, {}}, "all but one side"},
                                {{{matrix}}, PadOptions{{-1, 2, -1, 0}, "constant", 1.5F, {}}, "rows cut, columns added"},
                                {{{matrix}}, PadOptions{{-3, 0, 0, 0}, "constant", 0, {}}, "nothing left"},
                                {{{{DType::f32, {2, 3, 5}}}}, PadOptions{{2, 1}, "constant", 0, {-1}}, "one axis"},
                                {{{{DType::f32, {0, 2}}}}, PadOptions{{1, 0, 1, 0}, "constant", 3, {}}, "around nothing"},
                                {{{{DType::i64, {3}}, Sample::Fill::index, 9}}, PadOptions{{1, 1}, "constant", 7, {}}, "integers"},
                                {{{{DType::f32, {}}}}, PadOptions{}, "a scalar"}};
  for (const std::string mode : {"edge", "reflect", "wrap"}) {
    result.push_back({{{matrix}}, PadOptions{{1, 2, 2, 3}, mode, 0, {}}, mode});
    result.push_back({{{matrix}}, PadOptions{{7, -1, 0, 9}, mode, 0, {}}, mode + " more than once, and a column cut"});
    result.push_back({{{matrix}}, PadOptions{{-1, 3, 2, -2}, mode, 0, {}}, mode + " of what is left"});
    result.push_back({{{{DType::f32, {1, 2}}}}, PadOptions{{2, 2}, mode, 0, {0}}, mode + " of one"});
  }
  return result;
}

}  // namespace

std::vector<OpDef> pad() {
  OpDef op = mover("Pad", "The input with elements before and after it along each axis", 1, PadOptions{});
  op.onnx_inputs = {{1, "pads", 11}, {2, "value", 11}, {3, "axes", 18}};
  op.onnx_attributes = {{"paddings", "pads"}};
  op.infer = infer;
  op.kernels = {{"strided copies",
                 [](const InferContext& context) {
                   return context.as<PadOptions>().mode == "constant" ? std::string() : "only mode \"constant\"";
                 },
                 prepare}};
  op.reference = reference;
  op.gradient = gradient;
  op.simplify = as_gathers;
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
