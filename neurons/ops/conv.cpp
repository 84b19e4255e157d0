#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/convolution.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {
namespace {

struct ConvOptions : WindowOptions {
  std::int64_t group = 1;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    WindowOptions::fields(self, visit);
    visit("group", self.group);
  }
};

ConvolutionOptions resolved(const InferContext& context) {
  const auto& options = context.as<ConvOptions>();
  return resolve_convolution(context, options, options.group, context.shape(0), context.shape(1));
}

ConvolutionOptions resolved(const OpDef& op, const Options& options, const Value& x, const Value& w) {
  const std::vector<TensorType> types{x.type(), w.type()};
  return resolved(InferContext{op, options, types, {true, true}});
}

std::vector<TensorType> infer(const InferContext& context) {
  const ConvolutionOptions convolution = resolved(context);
  if (context.has(2) && context.shape(2) != Shape{convolution.outputs}) {
    context.fail("expects one bias for each of the {} outputs", convolution.outputs);
  }
  return {{context.dtype(), convolution.y_shape(context.shape(0)[0])}};
}

void reference(const ReferenceContext& context) {
  const ReferenceTensor& x = *context.inputs[0];
  const ReferenceTensor& w = *context.inputs[1];
  ReferenceTensor& y = context.outputs[0];
  const auto& options = context.as<ConvOptions>();
  const std::vector<TensorType> types{x.type, w.type};
  const OpDef op;  // its name would be for messages: infer has been here before
  const ConvolutionOptions convolution =
      resolve_convolution({op, context.options, types, {true, true}}, options, options.group, x.type.shape, w.type.shape);
  const kernels::ConvolutionShape shape = convolution.shape(x.type.shape[0]);
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    const auto output = static_cast<std::int64_t>(i) / shape.output_pixels() % shape.outputs;
    y.data[i] =
        context.inputs.size() > 2 && context.inputs[2] != nullptr ? context.inputs[2]->data[static_cast<std::size_t>(output)] : 0;
  }
  const ConvolutionPlaces at{shape};
  for_each_product(shape, [&](const ConvolutionProduct& p) { y.data[at.y(p)] += x.data[at.x(p)] * w.data[at.w(p)]; });
}

void gradient(GradientContext& context) {
  const Value x = context.input(0);
  const Value w = context.input(1);
  const Value dy = context.gradient();
  Graph& graph = context.graph();
  const ConvolutionOptions convolution = resolved(graph.table()->find("Conv"), context.options(), x, w);
  if (context.wants(0)) context.set(0, graph.emit("ConvInputGradient", {dy, w}, convolution));
  if (context.wants(1)) context.set(1, graph.emit("ConvWeightGradient", {x, dy}, convolution));
  if (context.has_input(2) && context.wants(2)) {
    context.set(2, sum_over(dy, all_but_channels(dy.shape().rank()), false));
  }
}

/// A sum over windows of packed weights, channels last.
std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  const Value x = context.inputs[0];
  if (x.type().dtype != DType::f32) return std::nullopt;
  Graph& graph = context.graph;
  const ConvolutionOptions convolution = resolved(context.op, context.options, x, context.inputs[1]);
  const Value weights = graph.emit("PackConvolution", {context.inputs[1]}, weight_options(convolution));
  const Value bias = context.inputs.size() > 2 ? context.inputs[2] : Value{};
  const OpDef& sum = graph.table()->find("ConvolutionSum");
  const Options options = sum.default_options.with(attributes_of(convolution));
  const std::vector<Value> inputs{to_channels_last(x), weights, bias};
  return std::vector{to_channels_first(graph.emit_all(sum, inputs, options, context.name).front())};
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  for (const ConvolutionSample& sample : convolution_samples()) {
    const ConvolutionOptions& c = sample.options;
    ConvOptions options;
    options.strides = c.strides;
    options.pads = c.pads;
    options.dilations = c.dilations;
    options.group = c.group;
    const Sample::Input x{{DType::f32, c.x_shape(sample.batch)}};
    const Sample::Input w{{DType::f32, c.weight_shape()}};
    result.push_back({{x, w}, options, sample.note});
    result.push_back({{x, w, {{DType::f32, {c.outputs}}}}, options, sample.note + ", bias"});
  }
  ConvOptions same;
  for (const char* pad : {"SAME_UPPER", "SAME_LOWER", "VALID"}) {
    same.auto_pad = pad;
    same.strides = {2, 3};
    result.push_back({{{{DType::f32, {2, 3, 7, 8}}}, {{DType::f32, {4, 3, 4, 3}}}}, same, pad});
  }
  return result;
}

}  // namespace

std::vector<OpDef> conv() {
  OpDef op;
  op.name = "Conv";
  op.summary = "y[n, o, p] = b[o] + Σ_c Σ_t w[o, c, t] · x[n, c, p · stride + t · dilation - pad]";
  op.source = "https://onnx.ai/onnx/operators/onnx__Conv.html";
  op.minimum_inputs = 2;
  op.maximum_inputs = 3;
  op.default_options = ConvOptions{};
  op.infer = infer;
  op.gradient = gradient;
  op.reference = reference;
  op.simplify = simplify;
  op.flops = [](const InferContext& context) { return resolved(context).flops(context.shape(0)[0]); };
  op.onnx = {{"Conv", 1, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
