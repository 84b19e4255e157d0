#include <algorithm>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/view.hpp"
#include "neurons/ops/common/window.hpp"
#include "neurons/tensor/convert.hpp"

namespace neurons::ops {
namespace {

struct MaxUnpoolOptions {
  std::vector<std::int64_t> kernel_shape;
  std::vector<std::int64_t> strides;       ///< 1
  std::vector<std::int64_t> pads;          ///< 0; all begins, then all ends
  std::vector<std::int64_t> output_shape;  ///< none: the smallest that the pool may have seen

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("kernel_shape", self.kernel_shape);
    visit("strides", self.strides);
    visit("pads", self.pads);
    visit("output_shape", self.output_shape);
  }
};

/// Of the pool's input, as far as the window tells.
Shape pooled_from(const MaxUnpoolOptions& options, const Shape& x) {
  std::vector<std::int64_t> extents = extents_of(x);
  const std::size_t axes = options.kernel_shape.size();
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t pads = entry(options.pads, i, 0) + entry(options.pads, axes + i, 0);
    extents[i + 2] = (extents[i + 2] - 1) * entry(options.strides, i, 1) + options.kernel_shape[i] - pads;
  }
  return Shape(std::span<const std::int64_t>(extents));
}

Shape target(const MaxUnpoolOptions& options, const Shape& x) {
  return options.output_shape.empty() ? pooled_from(options, x) : Shape(std::span<const std::int64_t>(options.output_shape));
}

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<MaxUnpoolOptions>();
  const Shape& x = context.shape(0);
  if (x.rank() < 3) context.fail("expects [batch, channels, spatial…]");
  if (context.dtype(1) != DType::i64 || context.shape(1) != x) context.fail("expects places i64{}", x.to_string());
  const auto axes = static_cast<std::size_t>(x.rank() - 2);
  if (options.kernel_shape.size() != axes)
    context.fail("kernel_shape has {} numbers for {} axes", options.kernel_shape.size(), axes);
  require_length(context, "strides", options.strides, axes);
  require_length(context, "pads", options.pads, 2 * axes);
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  for (const auto* list : {&options.kernel_shape, &options.strides, &options.pads}) {
    for (const std::int64_t number : *list) {
      if (number < (list == &options.pads ? 0 : 1) || number > kMost) context.fail("{} is out of range", number);
    }
  }
  const Shape y = target(options, x);
  if (y.rank() != x.rank() || y[0] != x[0] || y[1] != x[1]) {
    context.fail("output_shape {} is of other images than x", y.to_string());
  }
  return {{context.dtype(), y}};
}

/// Places count through the pool's input as the window tells it, which lies at the front of a larger output.
std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<MaxUnpoolOptions>();
  const Value x = context.inputs[0];
  const Shape inner = pooled_from(options, x.shape());
  const Shape y = target(options, x.shape());
  const Value none = expanded(number_like(x, 0), {inner.elements()});
  const Shape flat{x.shape().elements()};
  const Value spread = context.graph.emit("ScatterElements", {none, reshaped(context.inputs[1], flat), reshaped(x, flat)});
  std::vector<std::int64_t> pads(static_cast<std::size_t>(y.rank()), 0);
  for (int axis = 0; axis < y.rank(); ++axis) pads.push_back(y[axis] - inner[axis]);
  return {inner == y ? reshaped(spread, y) : emit_with("Pad", {reshaped(spread, inner)}, {{"pads", pads}})};
}

void reference(const ReferenceContext& context) {
  const Shape inner = pooled_from(context.as<MaxUnpoolOptions>(), context.inputs[0]->type.shape);
  const Shape& y = context.outputs[0].type.shape;
  std::ranges::fill(context.outputs[0].data, 0.0);
  for (std::size_t i = 0; i < context.inputs[0]->data.size(); ++i) {
    const auto place = convert<std::int64_t>(context.inputs[1]->data[i]);
    if (place < 0 || place >= inner.elements()) continue;
    const auto index = index_of(place, inner);
    bool inside = true;
    for (int axis = 0; axis < y.rank(); ++axis) inside = inside && index[static_cast<std::size_t>(axis)] < y[axis];
    if (inside) context.outputs[0].data[place_of(index, y)] = context.inputs[0]->data[i];
  }
}

std::vector<Sample> samples() {
  const Tensor places = Tensor::of<std::int64_t>({2, 1, 2, 2}, std::vector<std::int64_t>{0, 7, 13, 11, 16, 30, 21, 28});
  const Tensor bad = Tensor::of<std::int64_t>({1, 1, 2}, std::vector<std::int64_t>{1, 4});
  const Sample::Input at{places.type(), Sample::Fill::given, 1, places};
  return {
      {{{{DType::f32, {2, 1, 2, 2}}}, at}, MaxUnpoolOptions{{2, 2}, {2, 2}, {}, {}}, "images"},
      {{{{DType::f32, {2, 1, 2, 2}}}, at}, MaxUnpoolOptions{{2, 2}, {2, 2}, {}, {2, 1, 5, 6}}, "in larger ones"},
      {{{{DType::f32, {2, 1, 2, 2}}}, at}, MaxUnpoolOptions{{2, 2}, {2, 2}, {}, {2, 1, 3, 4}}, "in smaller ones"},
      {{{{DType::f32, {2, 1, 2, 2}}}, at}, MaxUnpoolOptions{{4, 6}, {}, {1, 1, 0, 2}, {}}, "pads"},
      {{{{DType::f32, {1, 1, 2}}}, {bad.type(), Sample::Fill::given, 1, bad}}, MaxUnpoolOptions{{2}, {2}, {}, {}}, "a bad place"},
      {{{{DType::f32, {0, 3, 2}}}, {{DType::i64, {0, 3, 2}}, Sample::Fill::index, 9}},
       MaxUnpoolOptions{{2}, {2}, {}, {}},
       "no images"}};
}

}  // namespace

/// A place out of range leaves nothing. Of several equal places the last one's element stays.
std::vector<OpDef> max_unpool() {
  OpDef op = mover("MaxUnpool", "0 but at the places of maxima, which MaxPool gave; inputs the maxima and their places", 9,
                   MaxUnpoolOptions{});
  op.onnx_inputs = {{2, "output_shape", 9}};
  op.minimum_inputs = op.maximum_inputs = 2;
  op.infer = infer;
  op.reference = reference;
  replace_by(op, decompose);
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
