#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/convolution.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {
namespace {

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<ConvolutionOptions>();
  const Shape& dy = context.shape(0);
  if (dy.rank() < 3 || dy != options.y_shape(dy[0])) context.fail("expects dy of the shape of y");
  if (context.has(2) && context.shape(2) != Shape{options.channels})
    context.fail("expects one bias for each of the {} channels", options.channels);
  if (context.shape(1) != options.weight_shape()) context.fail("expects w {}", options.weight_shape().to_string());
  return {{context.dtype(), options.x_shape(dy[0])}};
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<ConvolutionOptions>();
  const ReferenceTensor& dy = *context.inputs[0];
  const ReferenceTensor& w = *context.inputs[1];
  ReferenceTensor& dx = context.outputs[0];
  const ConvolutionPlaces at{options.shape(dy.type.shape[0])};
  for (std::size_t i = 0; i < dx.data.size(); ++i) {
    const auto channel = static_cast<std::int64_t>(i) / at.shape.input_pixels() % options.channels;
    dx.data[i] =
        context.inputs.size() > 2 && context.inputs[2] != nullptr ? context.inputs[2]->data[static_cast<std::size_t>(channel)] : 0;
  }
  for_each_product(at.shape, [&](const ConvolutionProduct& p) { dx.data[at.x(p)] += dy.data[at.y(p)] * w.data[at.w(p)]; });
}

/// It is linear in both: its gradients are the convolution, and the convolution's weight gradient.
void gradient(GradientContext& context) {
  const auto& options = context.as<ConvolutionOptions>();
  const Value g = context.gradient();
  Graph& graph = context.graph();
  if (context.wants(0)) {
    const Attributes window{
        {"strides", options.strides}, {"pads", options.pads}, {"dilations", options.dilations}, {"group", options.group}};
    context.set(0, emit_with("Conv", {g, context.input(1)}, window));
  }
  if (context.wants(1)) context.set(1, graph.emit("ConvWeightGradient", {g, context.input(0)}, options));
  if (context.has_input(2) && context.wants(2)) context.set(2, sum_over(g, all_but_channels(g.shape().rank()), false));
}

/// A sum over the windows that show each input, of packed weights, channels last.
std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  if (context.inputs[0].type().dtype != DType::f32) return std::nullopt;
  Graph& graph = context.graph;
  const auto& options = context.options.as<ConvolutionOptions>();
  const Value weights = graph.emit("PackConvolution", {context.inputs[1]}, weight_options(options));
  const Value transposed = graph.emit("TransposeConvolution", {weights}, options);
  const OpDef& sum = graph.table()->find("ConvolutionSumInputGradient");
  const Value bias = context.inputs.size() > 2 ? context.inputs[2] : Value{};
  const std::vector<Value> inputs{to_channels_last(context.inputs[0]), transposed, bias};
  return std::vector{
      to_channels_first(graph.emit_all(sum, inputs, sum.default_options.with(attributes_of(options)), context.name).front())};
}

}  // namespace

std::vector<OpDef> conv_input_gradient() {
  OpDef op;
  op.name = "ConvInputGradient";
  op.summary = "dx[n, c, q] = b[c] + Σ_o Σ_t w[o, c, t] · dy[n, o, (q + pad - t · dilation) / stride], where that divides";
  op.source = "the transpose of https://onnx.ai/onnx/operators/onnx__Conv.html";
  op.minimum_inputs = 2;
  op.maximum_inputs = 3;
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
      const Sample::Input dy{{DType::f32, c.y_shape(sample.batch)}};
      const Sample::Input w{{DType::f32, c.weight_shape()}};
      samples.push_back({{dy, w}, c, sample.note});
      samples.push_back({{dy, w, {{DType::f32, {c.channels}}}}, c, sample.note + ", bias"});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
