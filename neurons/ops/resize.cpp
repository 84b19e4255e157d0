#include "neurons/ops/common/resize.hpp"

#include <algorithm>

#include "neurons/kernels/resample.hpp"
#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/only_f32.hpp"

namespace neurons::ops {
namespace {

struct ResizeGradientOptions : ResizeOptions {
  std::vector<std::int64_t> extents;  ///< of x

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    ResizeOptions::fields(self, visit);
    visit("extents", self.extents);
  }
  ResizeGradientOptions on_axes(const std::vector<std::int64_t>& moved) const {
    ResizeGradientOptions result = *this;
    static_cast<ResizeOptions&>(result) = ResizeOptions::on_axes(moved);
    for (std::size_t i = 0; i < moved.size(); ++i) result.extents[static_cast<std::size_t>(moved[i])] = extents[i];
    return result;
  }
};

/// A sum over taps along each axis in turn, from a tensor of `shape`.
struct Resizing {
  Shape shape;
  std::vector<AxisTaps> taps;  ///< none where an axis does not move
  std::vector<bool> moves;     ///< axes along which it is more than the identity
  double empty = 0;
};

Resizing forward(const ResizeOptions& options, const Shape& x) {
  Resizing result{x, {}, {}, static_cast<double>(options.extrapolation_value)};
  for (const AxisResize& axis : resolve_resize(options, x)) {
    result.moves.push_back(!is_identity(axis, options));
    result.taps.push_back(result.moves.back() ? taps_of(axis, options) : AxisTaps());
  }
  return result;
}

Resizing backward(const ResizeGradientOptions& options, const Shape& dy) {
  Resizing result = forward(options, Shape(std::span<const std::int64_t>(options.extents)));
  for (std::size_t axis = 0; axis < result.taps.size(); ++axis) {
    if (result.moves[axis]) result.taps[axis] = transposed(result.taps[axis], options.extents[axis]);
  }
  result.shape = dy;
  result.empty = 0;
  return result;
}

Resizing resizing_of(const Options& options, const Shape& shape, bool back) {
  return back ? backward(options.as<ResizeGradientOptions>(), shape) : forward(options.as<ResizeOptions>(), shape);
}

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<ResizeOptions>();
  const Shape y = resized(resolve_resize(options, context.shape(0)));
  if (options.mode != "nearest" && context.dtype() != DType::f32 && context.dtype() != DType::f64) {
    fail_input("only mode \"nearest\" takes {}; Cast it to f32 first", name_of(context.dtype()));
  }
  return {{context.dtype(), y}};
}

std::vector<TensorType> infer_gradient(const InferContext& context) {
  const auto& options = context.as<ResizeGradientOptions>();
  if (context.dtype() != DType::f32 && context.dtype() != DType::f64) context.fail("expects a float dy");
  const Shape x{std::span<const std::int64_t>(options.extents)};
  const Shape y = resized(resolve_resize(options, x));
  if (context.shape(0) != y) fail_input("expects dy of the shape of y, {}", y.to_string());
  return {{context.dtype(), x}};
}

/// Axis after axis. Where a result has no term along some axis it is `empty`: weights of all others sum to 1 (or `empty` is 0).
void reference(const ReferenceContext& context, bool back) {
  const Resizing resizing = resizing_of(context.options, context.inputs[0]->type.shape, back);
  std::vector<double> data = context.inputs[0]->data;
  Shape shape = resizing.shape;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!resizing.moves[static_cast<std::size_t>(axis)]) continue;
    const AxisTaps& taps = resizing.taps[static_cast<std::size_t>(axis)];
    const Shape next = shape.with(axis, static_cast<std::int64_t>(taps.size()));
    std::vector<double> sums(static_cast<std::size_t>(next.elements()), 0.0);
    for (std::size_t place = 0; place < sums.size(); ++place) {
      std::vector<std::int64_t> index = index_of(static_cast<std::int64_t>(place), next);
      std::int64_t& along = index[static_cast<std::size_t>(axis)];
      const std::vector<Tap>& terms = taps[static_cast<std::size_t>(along)];
      if (terms.empty()) sums[place] = resizing.empty;
      for (const Tap& tap : terms) {
        along = tap.place;
        sums[place] += tap.weight * data[place_of(index, shape)];
      }
    }
    data = std::move(sums);
    shape = next;
  }
  context.outputs[0].data = std::move(data);
}

kernels::AxisSums sums_of(const AxisTaps& taps, std::int64_t sources) {
  kernels::AxisSums sums{sources, {0}, {}, {}};
  for (const std::vector<Tap>& terms : taps) {
    for (const Tap& tap : terms) {
      sums.source.push_back(tap.place);
      sums.weight.push_back(static_cast<float>(tap.weight));
    }
    sums.begin.push_back(sums.source.size());
  }
  return sums;
}

/// Of an axis that does not move.
kernels::AxisSums as_they_are(std::int64_t count) {
  AxisTaps taps;
  for (std::int64_t i = 0; i < count; ++i) taps.push_back({{i, 1}});
  return sums_of(taps, count);
}

Call prepare(const PrepareContext& context, bool back) {
  const Shape& from = context.inputs[0].type.shape;
  const Resizing resizing = resizing_of(context.options, from, back);
  const auto first = static_cast<int>(std::ranges::find(resizing.moves, true) - resizing.moves.begin());
  const auto end = static_cast<int>(resizing.moves.rend() - std::find(resizing.moves.rbegin(), resizing.moves.rend(), true));
  kernels::Resample call;
  call.outer = from.product(0, std::min(first, end));
  call.inner = from.product(end, from.rank());
  for (int axis = first; axis < end; ++axis) {
    const auto place = static_cast<std::size_t>(axis);
    call.axes.push_back(resizing.moves[place] ? sums_of(resizing.taps[place], from[axis]) : as_they_are(from[axis]));
  }
  if (call.axes.empty()) call.axes.push_back(as_they_are(1));  // nothing is resized
  if (context.outputs[0].type.shape.elements() == 0) call.outer = 0;
  call.empty = static_cast<float>(resizing.empty);
  call.x = context.inputs[0].as<float>();
  call.y = context.outputs[0].as<float>();
  const std::size_t scratch = call.scratch_bytes();
  return Call::of<kernels::resample>(std::move(call), true, scratch);
}

/// Where nothing changes, the value itself; images channels last, where neighbouring pixels are runs of channels.
template <typename T>
std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  const Value x = context.inputs[0];
  const int rank = x.shape().rank();
  const auto& options = context.options.as<T>();
  const std::vector<bool> moves = resizing_of(context.options, x.shape(), std::is_same_v<T, ResizeGradientOptions>).moves;
  if (std::ranges::find(moves, true) == moves.end()) return std::vector{x};
  if (x.type().dtype != DType::f32 || rank < 3 || moves[0] || moves[1] || !moves.back() || x.shape()[1] == 1) return std::nullopt;
  std::vector<std::int64_t> moved;
  for (std::int64_t axis = 0; axis < rank; ++axis) moved.push_back(axis_channels_last(axis, rank));
  const std::vector<Value> inputs{to_channels_last(x)};
  return std::vector{
      to_channels_first(context.graph.emit_all(context.op, inputs, Options(options.on_axes(moved)), context.name).front())};
}

double flops(const ResizeOptions& options, std::int64_t elements) {
  const double terms = options.mode == "nearest" ? 0 : options.mode == "linear" ? 4 : 16;  // along two axes
  return 2 * terms * static_cast<double>(elements);
}

std::vector<std::pair<ResizeOptions, Shape>> cases() {
  std::vector<std::pair<ResizeOptions, Shape>> result;
  const auto add = [&](ResizeOptions options, const Shape& shape) { result.emplace_back(std::move(options), shape); };
  for (const std::string mode : {"nearest", "linear", "cubic"}) {
    for (const std::string coordinates :
         {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric", "align_corners", "tf_half_pixel_for_nn"}) {
      add({.mode = mode, .coordinate_transformation_mode = coordinates, .scales = {1, 1, 2, 1.7F}}, {2, 3, 4, 5});
      add({.mode = mode, .coordinate_transformation_mode = coordinates, .axes = {3, -2}, .sizes = {3, 1}}, {1, 17, 4, 5});
    }
    add({.mode = mode,
         .coordinate_transformation_mode = "tf_crop_and_resize",
         .extrapolation_value = 2.5F,
         .axes = {1, 2},
         .roi = {0.2F, -0.3F, 0.9F, 1.2F},
         .sizes = {3, 7}},
        {2, 5, 4, 3});
    add({.mode = mode, .exclude_outside = true, .scales = {1, 0.6F, 2.5F}}, {2, 5, 4});
    add({.mode = mode, .antialias = true, .axes = {2, 3}, .sizes = {3, 4}}, {1, 2, 8, 9});
    add({.mode = mode, .axes = {0, 2}, .sizes = {3, 2}}, {2, 3, 5});
    add({.mode = mode, .axes = {2, 3, 4}, .scales = {2, 1.5F, 0.5F}}, {1, 2, 2, 3, 4});
    add({.mode = mode, .axes = {1, 2}, .keep_aspect_ratio_policy = "not_larger", .sizes = {7, 6}}, {1, 3, 4, 33});
    add({.mode = mode, .axes = {1, 2}, .keep_aspect_ratio_policy = "not_smaller", .sizes = {7, 6}}, {1, 3, 4, 2});
    add({.mode = mode, .scales = {1, 2}}, {0, 3});
    add({.mode = mode, .sizes = {4, 3}}, {4, 3});
  }
  for (const std::string rounding : {"round_prefer_ceil", "floor", "ceil"}) {
    add({.nearest_mode = rounding, .scales = {1, 1, 1.5F, 0.7F}}, {1, 2, 3, 7});
  }
  return result;
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  for (const auto& [options, shape] : cases()) result.push_back({{{{DType::f32, shape}}}, options, shape.to_string()});
  result.push_back({{{{DType::i64, {2, 3}}, Sample::Fill::index, 9}}, ResizeOptions{.scales = {2, 1.5F}}, "integers"});
  return result;
}

std::vector<Sample> gradient_samples() {
  std::vector<Sample> result;
  for (const auto& [options, shape] : cases()) {
    const Shape y = resized(resolve_resize(options, shape));
    result.push_back({{{{DType::f32, y}}}, ResizeGradientOptions{options, extents_of(shape)}, shape.to_string()});
  }
  return result;
}

OpDef resize_op(bool back) {
  OpDef op;
  op.source = "https://onnx.ai/onnx/operators/onnx__Resize.html";
  op.reference = [back](const ReferenceContext& context) { reference(context, back); };
  op.kernels = {{"resample", only_f32, [back](const PrepareContext& context) { return prepare(context, back); }}};
  return op;
}

}  // namespace

/// ONNX gives roi, scales and sizes as inputs; here they are options.
std::vector<OpDef> resize() {
  OpDef op = resize_op(false);
  op.name = "Resize";
  op.summary = "y[i] = Σ of the x around where i lies in x, along each axis: the nearest, or weighted by a linear or cubic filter";
  op.default_options = ResizeOptions{};
  op.infer = infer;
  op.simplify = simplify<ResizeOptions>;
  op.gradient = [](GradientContext& context) {
    const ResizeGradientOptions options{context.as<ResizeOptions>(), extents_of(context.input(0).shape())};
    context.set(0, context.graph().emit("ResizeGradient", {context.gradient()}, options));
  };
  op.flops = [](const InferContext& context) {
    const auto& options = context.as<ResizeOptions>();
    return flops(options, resized(resolve_resize(options, context.shape(0))).elements());
  };
  op.onnx = {{"Resize", 11, ""}};
  op.onnx_inputs = {{1, "roi", 11}, {2, "scales", 11}, {3, "sizes", 11}};
  op.samples = samples;

  OpDef gradient = resize_op(true);
  gradient.name = "ResizeGradient";
  gradient.summary = "dx[j] = Σ of dy over the results that x[j] is a term of, by the same weights; input dy";
  gradient.default_options = ResizeGradientOptions{};
  gradient.infer = infer_gradient;
  gradient.simplify = simplify<ResizeGradientOptions>;
  gradient.gradient = [](GradientContext& context) {
    ResizeOptions options = context.as<ResizeGradientOptions>();
    options.extrapolation_value = 0;
    context.set(0, context.graph().emit("Resize", {context.gradient()}, options));
  };
  gradient.flops = [](const InferContext& context) {
    return flops(context.as<ResizeGradientOptions>(), context.shape(0).elements());
  };
  gradient.samples = gradient_samples;
  return {std::move(op), std::move(gradient)};
}

}  // namespace neurons::ops
