#include "neurons/ops/common/convolution.hpp"

namespace neurons::ops {
namespace {

struct ConvTransposeOptions : WindowOptions {
  std::int64_t group = 1;
  std::vector<std::int64_t> output_padding;  ///< added to the end of each axis; 0
  std::vector<std::int64_t> output_shape;    ///< spatial extents of y: pads follow from them

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    WindowOptions::fields(self, visit);
    visit("group", self.group);
    visit("output_padding", self.output_padding);
    visit("output_shape", self.output_shape);
  }
};

/// The convolution from y to x whose input gradient this op is.
ConvolutionOptions resolved(const InferContext& context) {
  const auto& options = context.as<ConvTransposeOptions>();
  const Shape& x = context.shape(0);
  const Shape& w = context.shape(1);
  const int rank = x.rank() - 2;
  if (rank < 1 || rank > 3 || w.rank() != x.rank()) {
    context.fail("expects x [batch, channels, 1 to 3 spatial axes] and w [channels, outputs / group, kernel…]");
  }
  if (options.group < 1 || w[0] % options.group != 0) context.fail("group = {} does not divide {} channels", options.group, w[0]);
  if (w[0] != x[1]) context.fail("the weights expect {} channels, the input has {}", w[0], x[1]);
  const auto count = static_cast<std::size_t>(rank);
  require_length(context, "strides", options.strides, count);
  require_length(context, "dilations", options.dilations, count);
  require_length(context, "pads", options.pads, 2 * count);
  require_length(context, "output_padding", options.output_padding, count);
  require_length(context, "output_shape", options.output_shape, count);
  require_entries(context, "strides", options.strides, 1);
  require_entries(context, "dilations", options.dilations, 1);
  require_entries(context, "output_padding", options.output_padding, 0);
  require_entries(context, "output_shape", options.output_shape, 1);
  const AutoPad pad = auto_pad_of(context, options);
  if (!pad.same && !pad.valid && options.output_shape.empty()) require_entries(context, "pads", options.pads, 0);
  ConvolutionOptions result;
  result.group = options.group;
  result.channels = w[1] * options.group;
  result.outputs = x[1];
  std::vector<std::int64_t> ends;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t input = x[static_cast<int>(i) + 2];
    const std::int64_t kernel = w[static_cast<int>(i) + 2];
    const std::int64_t stride = entry(options.strides, i, 1);
    const std::int64_t dilation = entry(options.dilations, i, 1);
    const std::int64_t more = entry(options.output_padding, i, 0);
    constexpr double kMostResults = 0x1p48;
    if (static_cast<double>(stride) * static_cast<double>(input) > kMostResults) {
      context.fail("a stride of {} makes {} inputs more than 2^48 results, on spatial axis {}", stride, input, i);
    }
    const std::int64_t reach = stride * (input - 1) + more + (kernel - 1) * dilation + 1;
    std::int64_t begin = pad.valid ? 0 : entry(options.pads, i, 0);
    std::int64_t end = pad.valid ? 0 : entry(options.pads, i + count, 0);
    if (pad.same || !options.output_shape.empty()) {
      const std::int64_t total = reach - (options.output_shape.empty() ? input * stride : options.output_shape[i]);
      begin = pad.upper ? total / 2 : total - total / 2;
      if (total < 0) begin = 0;  // more results than windows reach: those behind them are 0
      end = total - begin;
    }
    if (reach < begin + end) context.fail("pads {} and {} are more than the {} results on spatial axis {}", begin, end, reach, i);
    result.extents.push_back(reach - begin - end);
    result.kernel.push_back(kernel);
    result.strides.push_back(stride);
    result.dilations.push_back(dilation);
    result.pads.push_back(begin);
    ends.push_back(end - more);  // as the convolution sees it
  }
  result.pads.insert(result.pads.end(), ends.begin(), ends.end());
  return result;
}

std::vector<TensorType> infer(const InferContext& context) {
  const ConvolutionOptions convolution = resolved(context);
  if (context.has(2) && context.shape(2) != Shape{convolution.channels}) {
    context.fail("expects one bias for each of the {} outputs", convolution.channels);
  }
  return {{context.dtype(), convolution.x_shape(context.shape(0)[0])}};
}

std::vector<Value> decompose(const RewriteContext& context) {
  const std::vector<TensorType> types{context.inputs[0].type(), context.inputs[1].type()};
  const ConvolutionOptions convolution = resolved(InferContext{context.op, context.options, types, {true, true}});
  const Value bias = context.inputs.size() > 2 ? context.inputs[2] : Value{};
  return {context.graph.emit("ConvInputGradient", {context.inputs[0], context.inputs[1], bias}, convolution)};
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  const Sample::Input x{{DType::f32, {2, 3, 4, 5}}};
  const Sample::Input w{{DType::f32, {3, 2, 3, 3}}};
  const Sample::Input bias{{DType::f32, {2}}};
  const auto with = [](auto change) {
    ConvTransposeOptions options;
    change(options);
    return options;
  };
  result.push_back({{x, w}, ConvTransposeOptions{}, "plain"});
  result.push_back({{x, w, bias}, with([](auto& o) { o.strides = {2, 3}; }), "strides, bias"});
  result.push_back({{x, w}, with([](auto& o) { o.strides = {2, 2}, o.pads = {1, 0, 2, 1}, o.output_padding = {1, 0}; }), "pads"});
  result.push_back({{x, w, bias}, with([](auto& o) { o.strides = {3, 2}, o.output_shape = {10, 8}; }), "output shape"});
  result.push_back({{x, w}, with([](auto& o) { o.strides = {2, 2}, o.auto_pad = "SAME_UPPER"; }), "same"});
  result.push_back({{x, w}, with([](auto& o) { o.dilations = {2, 2}; }), "dilations"});
  result.push_back({{{{DType::f32, {2, 4, 5, 3}}}, {{DType::f32, {4, 3, 2, 2}}}}, with([](auto& o) { o.group = 2; }), "groups"});
  result.push_back({{{{DType::f32, {1, 2, 7}}}, {{DType::f32, {2, 3, 4}}}}, with([](auto& o) { o.strides = {2}; }), "one axis"});
  return result;
}

}  // namespace

std::vector<OpDef> conv_transpose() {
  OpDef op;
  op.name = "ConvTranspose";
  op.summary = "The transpose of a convolution: each input is spread over its window, y = b + Σ w · x";
  op.source = "https://onnx.ai/onnx/operators/onnx__ConvTranspose.html";
  op.minimum_inputs = 2;
  op.maximum_inputs = 3;
  op.default_options = ConvTransposeOptions{};
  op.infer = infer;
  op.decompose = decompose;
  op.flops = [](const InferContext& context) { return resolved(context).flops(context.shape(0)[0]); };
  op.onnx = {{"ConvTranspose", 1, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
