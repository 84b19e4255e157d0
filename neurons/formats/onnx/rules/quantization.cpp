// Real numbers as integers of few bits: what our ops for bytes do not say.

#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;

constexpr std::size_t kScale = 1;
constexpr std::size_t kZero = 2;

Value as_type(const NodeContext& node, const Value& value, DType dtype) {
  if (value.type().dtype == dtype) return value;
  return node.emit("Cast", {value}, {{"to", std::string(neurons::name_of(dtype))}});
}

/// Scales or zero points (one, one for each place along the axis, or one for each block of neighbours there) to broadcast against
/// x.
Value spread(const NodeContext& node, std::size_t index) {
  const Shape& x = node.input(0).shape();
  Value value = node.input(index);
  const std::int64_t block = node.integer("block_size", 0);
  if (block == 0 && value.shape().elements() == 1) return reshaped(node, value, {});
  const int axis = x.normalized_axis(node.integer("axis", 1));
  if (block == 0) {
    std::vector<std::int64_t> extents(static_cast<std::size_t>(x.rank() - axis), 1);
    extents.front() = value.shape().elements();
    return reshaped(node, value, extents);
  }
  const std::int64_t blocks = block > 0 ? (x[axis] + block - 1) / block : -1;
  if (block < 0 || value.shape().rank() != x.rank() || value.shape() != x.with(axis, blocks)) {
    node.fail(
        fmt::format("{} do not stand for blocks of {} along axis {} of {}", value.shape().to_string(), block, axis, x.to_string()));
  }
  std::vector<std::int64_t> places;  // of each place's block
  for (std::int64_t place = 0; place < x[axis]; ++place) places.push_back(place / block);
  return node.emit("Gather", {value, node.integers_constant(places)}, {{"axis", static_cast<std::int64_t>(axis)}});
}

/// The type of the integers: that of the zero point, else the one that is asked for, else bytes.
ElementType quantized_type(const NodeContext& node) {
  if (node.has(kZero)) return node.narrow_type(kZero).value_or(element_type_of(node.input(kZero).type().dtype));
  const std::int64_t asked = node.integer("output_dtype", 0);
  return asked == 0 ? ElementType::u8 : static_cast<ElementType>(asked);
}

/// Whole numbers as the nearest ones of the type.
Value saturated(const NodeContext& node, const Value& value, ElementType type) {
  const auto range = range_of(type);
  if (!range || type == ElementType::u32) node.fail(fmt::format("gives {}, which has no place here", name_of(type)));
  const auto bound = [&](std::int64_t number) { return node.constant(Tensor::scalar(static_cast<float>(number))); };
  return as_type(node, node.emit("Clip", {value, bound(range->least), bound(range->largest)}), *dtype_of(type));
}

/// A scale and a zero point of one number each, in whatever shapes, as scalars: ONNX Runtime's quantiser writes [1] and [].
NodeContext with_scalars(const NodeContext& node) {
  NodeContext result = node;
  const bool single = node.has(kScale) && node.has(kZero) && node.input(kScale).shape().elements() == 1 &&
                      node.input(kZero).shape().elements() == 1;
  for (const std::size_t i : {kScale, kZero}) {
    if (single && node.input(i).shape().rank() > 0) result.inputs[i] = reshaped(node, node.input(i), {});
  }
  return result;
}

Outputs quantize_linear(const NodeContext& node) {
  const ElementType type = quantized_type(node);
  NodeContext real = node.integer("block_size", 0) == 0 ? with_scalars(node) : node;
  real.inputs[0] = as_type(node, node.input(0), DType::f32);
  if (type == ElementType::u8 && node.integer("block_size", 0) == 0) {
    return real.as_it_is({}, {"block_size", "output_dtype", "precision", "saturate"});
  }
  Value y = node.emit("Round", {node.emit("Div", {real.inputs[0], spread(node, kScale)})});
  if (node.has(kZero)) y = node.emit("Add", {y, as_type(node, spread(node, kZero), DType::f32)});
  return {saturated(node, y, type)};
}

Outputs dequantize_linear(const NodeContext& node) {
  if (node.integer("block_size", 0) == 0) return with_scalars(node).as_it_is({}, {"block_size", "output_dtype"});
  Value x = as_type(node, node.input(0), DType::f32);
  if (node.has(kZero)) x = node.emit("Sub", {x, as_type(node, spread(node, kZero), DType::f32)});
  return {node.emit("Mul", {x, spread(node, kScale)})};
}

/// Integers less their zero point, as i32. That of a first operand of products may stand for rows, that of a second for columns.
Value centred(const NodeContext& node, std::size_t index, std::size_t zero, bool rows) {
  const Value x = as_type(node, node.input(index), DType::i32);
  if (!node.has(zero)) return x;
  Value offset = as_type(node, node.input(zero), DType::i32);
  if (rows && offset.shape().rank() == 1) offset = reshaped(node, offset, {offset.shape()[0], 1});
  return node.emit("Sub", {x, offset});
}

/// One number, or one for each channel, as floats that broadcast against a tensor whose channels are along `axis`.
Value along_channels(const NodeContext& node, const Value& value, int rank, std::size_t axis) {
  std::vector<std::int64_t> extents(static_cast<std::size_t>(rank), 1);
  extents.at(axis) = value.shape().elements();
  return reshaped(node, as_type(node, value, DType::f32), extents);
}

Outputs matmul_integer(const NodeContext& node) {
  return {node.emit("MatMul", {centred(node, 0, 2, true), centred(node, 1, 3, false)})};
}

/// The products are exact; their scales meet in one factor.
Outputs qlinear_matmul(const NodeContext& node) {
  enum Input : std::size_t { kA, kAScale, kAZero, kB, kBScale, kBZero, kYScale, kYZero };
  const Value products = node.emit("MatMul", {centred(node, kA, kAZero, true), centred(node, kB, kBZero, false)});
  const auto column = [&](const Value& value) {
    return value.shape().rank() == 1 ? reshaped(node, value, {value.shape()[0], 1}) : value;
  };
  const Value factor = node.emit("Mul", {column(node.input(kAScale)), node.input(kBScale)});
  const Value y = node.emit("Div", {node.emit("Mul", {as_type(node, products, DType::f32), factor}), node.input(kYScale)});
  const ElementType type = node.narrow_type(kYZero).value_or(element_type_of(node.input(kYZero).type().dtype));
  return {saturated(node, node.emit("Add", {node.emit("Round", {y}), as_type(node, node.input(kYZero), DType::f32)}), type)};
}

/// The convolution of integers less their zero points, in floats: exact as long as sums stay below 2^24. Zero points of weights may
/// stand for output channels.
Value centred_conv(const NodeContext& node, std::size_t x, std::size_t x_zero, std::size_t w, std::size_t w_zero) {
  Value weight = as_type(node, node.input(w), DType::f32);
  if (node.has(w_zero)) weight = node.emit("Sub", {weight, along_channels(node, node.input(w_zero), weight.shape().rank(), 0)});
  Attributes attributes{{"auto_pad", node.text("auto_pad", "NOTSET")}, {"group", node.integer("group", 1)}};
  for (const char* list : {"kernel_shape", "strides", "pads", "dilations"}) attributes.push_back({list, node.integer_list(list)});
  return node.emit("Conv", {as_type(node, centred(node, x, x_zero, false), DType::f32), weight}, attributes);
}

Outputs conv_integer(const NodeContext& node) { return {as_type(node, centred_conv(node, 0, 2, 1, 3), DType::i32)}; }

Outputs qlinear_conv(const NodeContext& node) {
  enum Input : std::size_t { kX, kXScale, kXZero, kW, kWScale, kWZero, kYScale, kYZero, kBias };
  Value sums = centred_conv(node, kX, kXZero, kW, kWZero);
  const int rank = sums.shape().rank();
  if (node.has(kBias)) sums = node.emit("Add", {sums, along_channels(node, node.input(kBias), rank, 1)});
  const Value factor = node.emit("Div", {node.emit("Mul", {node.input(kXScale), node.input(kWScale)}), node.input(kYScale)});
  const Value y = node.emit("Round", {node.emit("Mul", {sums, along_channels(node, factor, rank, 1)})});
  const ElementType type = node.narrow_type(kYZero).value_or(element_type_of(node.input(kYZero).type().dtype));
  return {saturated(node, node.emit("Add", {y, as_type(node, node.input(kYZero), DType::f32)}), type)};
}

}  // namespace

void add_quantization_rules(Rules& rules) {
  rules["QuantizeLinear"] = quantize_linear;
  rules["DequantizeLinear"] = dequantize_linear;
  rules["ConvInteger"] = conv_integer;
  rules["QLinearConv"] = qlinear_conv;
  rules["MatMulInteger"] = matmul_integer;
  rules["QLinearMatMul"] = qlinear_matmul;
}

}  // namespace neurons::onnx
