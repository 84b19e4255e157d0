#include <algorithm>
#include <cmath>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/quantization.hpp"

namespace neurons::ops {
namespace {

std::vector<Value> decompose(const RewriteContext& context) {
  const Value x = context.inputs[0];
  const bool has_zero = context.inputs.size() > 2 && context.inputs[2];
  const Value zero = has_zero ? emit_with("Cast", {context.inputs[2]}, {{"to", std::string("f32")}}) : number_like(x, 0);
  return {as_bytes(x, along_quantized_axis(context.inputs[1], x, context.options), along_quantized_axis(zero, x, context.options))};
}

void reference(const ReferenceContext& context) {
  const ReferenceTensor& x = *context.inputs[0];
  const bool has_zero = context.inputs.size() > 2 && context.inputs[2] != nullptr;
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const double scale = quantization_at(*context.inputs[1], i, x.type.shape, context.options);
    const double zero = has_zero ? quantization_at(*context.inputs[2], i, x.type.shape, context.options) : 0;
    const double y = std::nearbyint(x.data[at] / scale) + zero;
    context.outputs[0].data[at] = std::isnan(y) ? 0 : std::clamp(y, 0.0, 255.0);
  }
}

}  // namespace

std::vector<OpDef> quantize_linear() {
  OpDef op;
  op.name = "QuantizeLinear";
  op.summary = "y = round(x / scale) + zero point, from 0 to 255, halves to even; inputs x, scale, zero point (0)";
  op.source = "https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html";
  op.minimum_inputs = 2;
  op.maximum_inputs = 3;
  op.default_options = QuantizationOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    if (context.dtype() != DType::f32) context.fail("expects f32");
    check_quantization(context, DType::u8);
    return {{DType::u8, context.shape(0)}};
  };
  op.reference = reference;
  replace_by(op, decompose);
  op.not_differentiable = "the result is made of whole numbers";
  op.onnx = {{"QuantizeLinear", 10, ""}};
  op.samples = [] {
    const Sample::Input zero{{DType::u8, {}}, Sample::Fill::index, 200};
    const Sample::Input zeros{{DType::u8, {3}}, Sample::Fill::index, 200};
    const Sample::Input scales{{DType::f32, {3}}, Sample::Fill::positive};
    const Tensor large = Tensor::of<float>({4}, std::vector<float>{-9e9F, 9e9F, INFINITY, -INFINITY});
    const Tensor small = Tensor::scalar(0.0078125F);
    const Sample::Input step{{DType::f32, {}}, Sample::Fill::given, 1, small};
    return std::vector<Sample>{{{{{DType::f32, {5, 7}}}, step, zero}, QuantizationOptions{}, "one scale"},
                               {{{{DType::f32, {5, 7}}}, step}, QuantizationOptions{}, "no zero point"},
                               {{{{DType::f32, {2, 3, 5}}}, scales, zeros}, QuantizationOptions{1}, "along the middle axis"},
                               {{{{DType::f32, {2, 3}}}, scales}, QuantizationOptions{-1}, "along the last axis"},
                               {{{large.type(), Sample::Fill::given, 1, large}, step, zero}, QuantizationOptions{}, "extremes"},
                               {{{{DType::f32, {0, 3}}}, scales}, QuantizationOptions{}, "nothing"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
