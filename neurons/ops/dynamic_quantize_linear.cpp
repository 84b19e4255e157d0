#include <algorithm>
#include <cmath>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/quantization.hpp"

namespace neurons::ops {
namespace {

constexpr double kSteps = 255;

/// Where all are 0, so is the range; a scale of 1 does then.
std::vector<Value> decompose(const RewriteContext& context) {
  Graph& graph = context.graph;
  const Value x = context.inputs[0];
  const Value none = number_like(x, 0);
  const Value low = graph.emit("Min", {emit_with("ReduceMin", {x}, {{"keep_dims", false}}), none});
  const Value high = graph.emit("Max", {emit_with("ReduceMax", {x}, {{"keep_dims", false}}), none});
  const Value range = high - low;
  const Value scale = choose(graph.emit("Equal", {range, none}), 1.0, range / kSteps);
  const Value zero = as_bytes(-low, scale, none);
  return {as_bytes(x, scale, emit_with("Cast", {zero}, {{"to", std::string("f32")}})), scale, zero};
}

void reference(const ReferenceContext& context) {
  const auto& x = context.inputs[0]->data;
  double low = 0;
  double high = 0;
  for (const double value : x) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const double scale = low == high ? 1 : (high - low) / kSteps;
  const double zero = std::clamp(std::nearbyint(-low / scale), 0.0, kSteps);
  for (std::size_t i = 0; i < x.size(); ++i) {
    context.outputs[0].data[i] = std::clamp(std::nearbyint(x[i] / scale) + zero, 0.0, kSteps);
  }
  context.outputs[1].data[0] = scale;
  context.outputs[2].data[0] = zero;
}

}  // namespace

std::vector<OpDef> dynamic_quantize_linear() {
  OpDef op;
  op.name = "DynamicQuantizeLinear";
  op.summary = "x as bytes whose 0 and 255 are its smallest and largest element, 0 included; outputs bytes, scale, zero point";
  op.source = "https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html";
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    if (context.dtype() != DType::f32) context.fail("expects f32");
    return {{DType::u8, context.shape(0)}, {DType::f32, {}}, {DType::u8, {}}};
  };
  op.reference = reference;
  replace_by(op, decompose);
  op.not_differentiable = "the result is made of whole numbers";
  op.onnx = {{"DynamicQuantizeLinear", 11, ""}};
  op.samples = [] {
    const Tensor zeros(TensorType{DType::f32, {3}});
    return std::vector<Sample>{{{{{DType::f32, {5, 7}}}}, {}, "both signs"},
                               {{{{DType::f32, {17}}, Sample::Fill::positive}}, {}, "above 0"},
                               {{{zeros.type(), Sample::Fill::given, 1, zeros}}, {}, "zeros"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
