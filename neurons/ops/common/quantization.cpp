#include "neurons/ops/common/quantization.hpp"

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {

void check_quantization(const InferContext& context, DType zero) {
  const Shape& x = context.shape(0);
  const Shape& scale = context.shape(1);
  if (context.dtype(1) != DType::f32) context.fail("the scale must be f32");
  if (scale.rank() > 1) context.fail("expects one scale, or one for each place along an axis");
  if (context.has(2) && context.inputs[2] != TensorType{zero, scale}) {
    context.fail("expects the zero point to be {}", TensorType{zero, scale}.to_string());
  }
  if (scale.elements() == 1) return;
  const std::int64_t axis = context.as<QuantizationOptions>().axis;
  if (axis < -x.rank() || axis >= x.rank()) context.fail("there is no axis {}", axis);
  const std::int64_t extent = x[x.normalized_axis(axis)];
  if (extent != scale[0]) context.fail("{} scales for axis {} of {}", scale[0], axis, extent);
}

Value along_quantized_axis(Value value, const Value& x, const Options& options) {
  if (value.shape().elements() == 1) return reshaped(value, {});
  const int axis = x.shape().normalized_axis(options.as<QuantizationOptions>().axis);
  std::vector<std::int64_t> extents(static_cast<std::size_t>(x.shape().rank() - axis), 1);
  extents[0] = value.shape()[0];
  return reshaped(value, Shape(std::span<const std::int64_t>(extents)));
}

double quantization_at(const ReferenceTensor& values, std::int64_t place, const Shape& x, const Options& options) {
  if (values.elements() == 1) return values.data[0];
  const int axis = x.normalized_axis(options.as<QuantizationOptions>().axis);
  return values.data[static_cast<std::size_t>(place / x.product(axis + 1, x.rank()) % x[axis])];
}

Value as_bytes(Value x, Value scale, Value zero) {
  Graph& graph = x.graph();
  const Value rounded = graph.emit("Round", {x / scale}) + zero;
  const Value clipped = graph.emit("Clip", {rounded, number_like(x, 0), number_like(x, 255)});
  return emit_with("Cast", {clipped}, {{"to", std::string("u8")}});
}

}  // namespace neurons::ops
