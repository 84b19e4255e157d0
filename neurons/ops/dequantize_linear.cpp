#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/quantization.hpp"

namespace neurons::ops {
namespace {

/// Differences of bytes are taken as floats, which are exact then; those of i32 as i32.
std::vector<Value> decompose(const RewriteContext& context) {
  const auto as_float = [](Value value) { return emit_with("Cast", {value}, {{"to", std::string("f32")}}); };
  const Value x = context.inputs[0];
  const bool bytes = x.type().dtype == DType::u8;
  Value y = bytes ? as_float(x) : x;
  if (context.inputs.size() > 2 && context.inputs[2]) {
    const Value zero = along_quantized_axis(context.inputs[2], x, context.options);
    y = context.graph.emit("Sub", {y, bytes ? as_float(zero) : zero});
  }
  return {(bytes ? y : as_float(y)) * along_quantized_axis(context.inputs[1], x, context.options)};
}

void reference(const ReferenceContext& context) {
  const ReferenceTensor& x = *context.inputs[0];
  const bool has_zero = context.inputs.size() > 2 && context.inputs[2] != nullptr;
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const double zero = has_zero ? quantization_at(*context.inputs[2], i, x.type.shape, context.options) : 0;
    context.outputs[0].data[at] = (x.data[at] - zero) * quantization_at(*context.inputs[1], i, x.type.shape, context.options);
  }
}

}  // namespace

std::vector<OpDef> dequantize_linear() {
  OpDef op;
  op.name = "DequantizeLinear";
  op.summary = "y = (x - zero point) · scale; inputs x (u8 or i32), scale, zero point (0)";
  op.source = "https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html";
  op.minimum_inputs = 2;
  op.maximum_inputs = 3;
  op.default_options = QuantizationOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    if (context.dtype() != DType::u8 && context.dtype() != DType::i32) context.fail("expects u8 or i32");
    check_quantization(context, context.dtype());
    return {{DType::f32, context.shape(0)}};
  };
  op.reference = reference;
  replace_by(op, decompose);
  op.onnx = {{"DequantizeLinear", 10, ""}};
  op.samples = [] {
    const auto bytes = [](const Shape& shape) { return Sample::Input{{DType::u8, shape}, Sample::Fill::index, 256}; };
    const auto scales = [](const Shape& shape) { return Sample::Input{{DType::f32, shape}, Sample::Fill::positive}; };
    const Sample::Input whole{{DType::i32, {2, 3}}, Sample::Fill::index, 99999};
    const Sample::Input zeros{{DType::i32, {3}}, Sample::Fill::index, 99};
    return std::vector<Sample>{{{bytes({5, 7}), scales({}), bytes({})}, QuantizationOptions{}, "one scale"},
                               {{bytes({5, 7}), scales({1})}, QuantizationOptions{}, "no zero point"},
                               {{bytes({2, 3, 5}), scales({3}), bytes({3})}, QuantizationOptions{1}, "along the middle axis"},
                               {{whole, scales({3}), zeros}, QuantizationOptions{-1}, "i32"},
                               {{bytes({0, 3}), scales({3})}, QuantizationOptions{}, "nothing"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
