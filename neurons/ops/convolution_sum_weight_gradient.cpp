#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/convolution_sum.hpp"

namespace neurons::ops {
namespace {

constexpr std::size_t kOwnInputs = 2;  // x, dy

TensorType own_type(const InferContext& context) {
  const auto& options = context.as<ConvolutionSumOptions>();
  const Shape& x = context.shape(0);
  if (x.rank() < 3 || x != channels_last(options.x_shape(x[0])) || context.shape(1) != channels_last(options.y_shape(x[0]))) {
    context.fail("expects x [batch, spatial…, channels] and dy [batch, spatial…, outputs]");
  }
  return {DType::f32, options.packed_shape()};
}

Call prepare(const PrepareContext& context, kernels::ConvolutionMethod method) {
  const auto& options = context.as<ConvolutionSumOptions>();
  const Shape panels = options.packed_shape();
  const std::int64_t batch = context.inputs[0].type.shape[0];
  kernels::ConvolutionWeightGradient call;
  call.shape = options.shape(batch);
  call.x = context.inputs[0].as<float>();
  call.dy = context.inputs[1].as<float>();
  call.panels = stored_tile(context, options.epilogue);
  const auto epilogue = epilogue_program(context, options.epilogue, kOwnInputs, panels, panels[0] * panels[1], panels[2]);
  call.epilogue = epilogue.get();
  return convolution_call(kernels::PreparedConvolution(call, method), epilogue);
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<ConvolutionSumOptions>();
  const ReferenceTensor& x = *context.inputs[0];
  const ConvolutionPlaces at{options.shape(x.type.shape[0]), true};
  ReferenceTensor dw{{DType::f32, options.packed_shape()}, {}};
  dw.data.assign(static_cast<std::size_t>(dw.elements()), 0.0);
  for_each_product(
      at.shape, [&](const ConvolutionProduct& p) { dw.data[at.packed(p)] += x.data[at.x(p)] * context.inputs[1]->data[at.y(p)]; });
  finish_reference(context, options.epilogue, kOwnInputs, std::move(dw));
}

}  // namespace

/// The weight gradient of a convolution in panels, then the epilogue (usually the optimiser's update).
std::vector<OpDef> convolution_sum_weight_gradient() {
  OpDef op = convolution_sum_op("ConvolutionSumWeightGradient",
                                "epilogue(Σ over positions of windows of x · dy) in panels of outputs, channels last", kOwnInputs,
                                false, own_type);
  op.reference = reference;
  op.kernels = convolution_kernels(prepare);
  op.samples = [] {
    std::vector<Sample> samples;
    for (const ConvolutionSample& sample : convolution_sum_samples()) {
      ConvolutionSumOptions options;
      static_cast<ConvolutionOptions&>(options) = sample.options;
      samples.push_back({{{{DType::f32, channels_last(sample.options.x_shape(sample.batch))}, Sample::Fill::unit},
                          {{DType::f32, channels_last(sample.options.y_shape(sample.batch))}, Sample::Fill::unit}},
                         options,
                         sample.note});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
