#include "neurons/ops/common/convolution_sum.hpp"

#include "neurons/ops/common/channels.hpp"

namespace neurons::ops {
namespace {

constexpr std::size_t kOwnInputs = 3;  // x, panels, bias

TensorType own_type(const InferContext& context) {
  const auto& options = context.as<ConvolutionSumOptions>();
  const Shape& x = context.shape(0);
  if (x.rank() < 3 || x != channels_last(options.x_shape(x[0])) || context.shape(1) != options.packed_shape()) {
    context.fail("expects x [batch, spatial…, channels] and its weights in panels");
  }
  return {DType::f32, channels_last(options.y_shape(x[0]))};
}

Call prepare(const PrepareContext& context, kernels::ConvolutionMethod method) {
  const auto& options = context.as<ConvolutionSumOptions>();
  const std::int64_t batch = context.inputs[0].type.shape[0];
  const Shape y = channels_last(options.y_shape(batch));
  kernels::ConvolutionForward call;
  call.shape = options.shape(batch);
  call.x = context.inputs[0].as<float>();
  call.panels = context.inputs[1].as<float>();
  call.bias = context.input(2).as<float>();
  call.y = context.outputs[static_cast<std::size_t>(tile_place(options.epilogue))].as<float>();
  const auto epilogue = epilogue_program(context, options.epilogue, kOwnInputs, y, y.product(0, y.rank() - 1), options.outputs);
  call.epilogue = epilogue.get();
  return convolution_call(kernels::PreparedConvolution(call, method), epilogue);
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<ConvolutionSumOptions>();
  const ReferenceTensor& x = *context.inputs[0];
  const ReferenceTensor* bias = context.inputs.size() > 2 ? context.inputs[2] : nullptr;
  const ConvolutionPlaces at{options.shape(x.type.shape[0]), true};
  ReferenceTensor y{{DType::f32, channels_last(options.y_shape(x.type.shape[0]))}, {}};
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    y.data.push_back(bias == nullptr ? 0.0 : bias->data[static_cast<std::size_t>(i % options.outputs)]);
  }
  for_each_product(
      at.shape, [&](const ConvolutionProduct& p) { y.data[at.y(p)] += x.data[at.x(p)] * context.inputs[1]->data[at.packed(p)]; });
  finish_reference(context, options.epilogue, kOwnInputs, std::move(y));
}

}  // namespace

/// A convolution with packed weights, then the epilogue. Made from Conv.
std::vector<OpDef> convolution_sum() {
  OpDef op = convolution_sum_op("ConvolutionSum", "y = epilogue(Σ over windows of x · W + bias), channels last, W in panels",
                                kOwnInputs, true, own_type);
  op.reference = reference;
  op.kernels = convolution_kernels(prepare);
  op.samples = [] {
    std::vector<Sample> samples;
    for (const ConvolutionSample& sample : convolution_sum_samples()) {
      ConvolutionSumOptions options;
      static_cast<ConvolutionOptions&>(options) = sample.options;
      const Sample::Input x{{DType::f32, channels_last(sample.options.x_shape(sample.batch))}, Sample::Fill::unit};
      const Sample::Input w{{DType::f32, sample.options.packed_shape()}, Sample::Fill::unit};
      samples.push_back({{x, w}, options, sample.note});
      samples.push_back({{x, w, {{DType::f32, {sample.options.outputs}}}}, options, sample.note + ", bias"});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
