#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/convolution.hpp"

namespace neurons::ops {
namespace {

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<ConvolutionOptions>();
  const Shape& x = context.shape(0);
  if (x.rank() < 3 || x != options.x_shape(x[0])) context.fail("expects x of the convolution's shape");
  if (context.shape(1) != options.y_shape(x[0])) context.fail("expects dy of the shape of y");
  return {{context.dtype(), options.weight_shape()}};
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<ConvolutionOptions>();
  const ReferenceTensor& x = *context.inputs[0];
  const ReferenceTensor& dy = *context.inputs[1];
  ReferenceTensor& dw = context.outputs[0];
  std::ranges::fill(dw.data, 0.0);
  const ConvolutionPlaces at{options.shape(x.type.shape[0])};
  for_each_product(at.shape, [&](const ConvolutionProduct& p) { dw.data[at.w(p)] += dy.data[at.y(p)] * x.data[at.x(p)]; });
}

/// It is linear in both: its gradients are the convolution's input gradient, and the convolution.
void gradient(GradientContext& context) {
  const auto& options = context.as<ConvolutionOptions>();
  const Value g = context.gradient();
  if (context.wants(0)) context.set(0, context.graph().emit("ConvInputGradient", {context.input(1), g}, options));
  if (context.wants(1)) {
    const Attributes window{
        {"strides", options.strides}, {"pads", options.pads}, {"dilations", options.dilations}, {"group", options.group}};
    context.set(1, emit_with("Conv", {context.input(0), g}, window));
  }
}

/// Computed in panels from the start, channels last.
std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  if (context.inputs[0].type().dtype != DType::f32) return std::nullopt;
  Graph& graph = context.graph;
  const auto& options = context.options.as<ConvolutionOptions>();
  const OpDef& sum = graph.table()->find("ConvolutionSumWeightGradient");
  const std::vector<Value> inputs{to_channels_last(context.inputs[0]), to_channels_last(context.inputs[1])};
  const Value panels = graph.emit_all(sum, inputs, sum.default_options.with(attributes_of(options)), context.name).front();
  return std::vector{graph.emit("UnpackConvolution", {panels}, weight_options(options))};
}

}  // namespace

std::vector<OpDef> conv_weight_gradient() {
  OpDef op;
  op.name = "ConvWeightGradient";
  op.summary = "dw[o, c, t] = Σ_n Σ_p dy[n, o, p] · x[n, c, p · stride + t · dilation - pad]";
  op.source = "the gradient of https://onnx.ai/onnx/operators/onnx__Conv.html";
  op.minimum_inputs = 2;
  op.maximum_inputs = 2;
  op.default_options = ConvolutionOptions{};
  op.infer = infer;
  op.gradient = gradient;
  op.reference = reference;
  op.simplify = simplify;
  op.flops = [](const InferContext& context) { return context.as<ConvolutionOptions>().flops(context.shape(0)[0]); };
  op.samples = [] {
    std::vector<Sample> samples;
    for (const ConvolutionSample& sample : convolution_samples()) {
      const ConvolutionOptions& c = sample.options;
      samples.push_back({{{{DType::f32, c.x_shape(sample.batch)}}, {{DType::f32, c.y_shape(sample.batch)}}}, c, sample.note});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
