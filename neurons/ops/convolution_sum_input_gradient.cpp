#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/convolution_sum.hpp"

namespace neurons::ops {
namespace {

constexpr std::size_t kOwnInputs = 3;  // dy, transposed panels, bias

TensorType own_type(const InferContext& context) {
  const auto& options = context.as<ConvolutionSumOptions>();
  const Shape& dy = context.shape(0);
  if (dy.rank() < 3 || dy != channels_last(options.y_shape(dy[0])) || context.shape(1) != options.transposed_shape()) {
    context.fail("expects dy [batch, spatial…, outputs] and the weights in transposed panels");
  }
  return {DType::f32, channels_last(options.x_shape(dy[0]))};
}

Call prepare(const PrepareContext& context, kernels::ConvolutionMethod method) {
  const auto& options = context.as<ConvolutionSumOptions>();
  const std::int64_t batch = context.inputs[0].type.shape[0];
  const Shape x = channels_last(options.x_shape(batch));
  kernels::ConvolutionInputGradient call;
  call.shape = options.shape(batch);
  call.dy = context.inputs[0].as<float>();
  call.transposed = context.inputs[1].as<float>();
  call.bias = context.input(2).as<float>();
  call.dx = context.outputs[static_cast<std::size_t>(tile_place(options.epilogue))].as<float>();
  const auto epilogue = epilogue_program(context, options.epilogue, kOwnInputs, x, x.product(0, x.rank() - 1), options.channels);
  call.epilogue = epilogue.get();
  return convolution_call(kernels::PreparedConvolution(call, method), epilogue);
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<ConvolutionSumOptions>();
  const ReferenceTensor& dy = *context.inputs[0];
  const ConvolutionPlaces at{options.shape(dy.type.shape[0]), true};
  const auto order = transposed_order(at.shape);
  ReferenceTensor dx{{DType::f32, channels_last(options.x_shape(dy.type.shape[0]))}, {}};
  const ReferenceTensor* bias = context.inputs.size() > 2 ? context.inputs[2] : nullptr;
  for (std::int64_t i = 0; i < dx.elements(); ++i) {
    dx.data.push_back(bias == nullptr ? 0.0 : bias->data[static_cast<std::size_t>(i % options.channels)]);
  }
  for_each_product(at.shape, [&](const ConvolutionProduct& p) {
    dx.data[at.x(p)] += dy.data[at.y(p)] * context.inputs[1]->data[at.transposed(p, order)];
  });
  finish_reference(context, options.epilogue, kOwnInputs, std::move(dx));
}

}  // namespace

/// The input gradient of a convolution, then the epilogue (usually the gradient of the activation before it).
std::vector<OpDef> convolution_sum_input_gradient() {
  OpDef op = convolution_sum_op("ConvolutionSumInputGradient",
                                "dx = epilogue(Σ over the windows that show it of dy · Wᵀ + bias), channels last", kOwnInputs, true,
                                own_type);
  op.reference = reference;
  op.kernels = convolution_kernels(prepare);
  op.samples = [] {
    std::vector<Sample> samples;
    for (const ConvolutionSample& sample : convolution_sum_samples()) {
      ConvolutionSumOptions options;
      static_cast<ConvolutionOptions&>(options) = sample.options;
      const Sample::Input dy{{DType::f32, channels_last(sample.options.y_shape(sample.batch))}, Sample::Fill::unit};
      const Sample::Input w{{DType::f32, sample.options.transposed_shape()}, Sample::Fill::unit};
      samples.push_back({{dy, w}, options, sample.note});
      samples.push_back({{dy, w, {{DType::f32, {sample.options.channels}}}}, options, sample.note + ", bias"});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
