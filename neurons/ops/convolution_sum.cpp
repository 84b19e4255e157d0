#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/convolution.hpp"
#include "neurons/ops/common/epilogue.hpp"

namespace neurons::ops {
namespace {

constexpr std::size_t kOwnInputs = 3;  // x, panels, bias

struct SumOptions : ConvolutionOptions {
  Chain epilogue;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    ConvolutionOptions::fields(self, visit);
    if (self.epilogue.empty()) return;
    std::string text = self.epilogue.to_string();
    visit("epilogue", text);
  }
};

TensorType own_type(const InferContext& context) {
  const auto& options = context.as<SumOptions>();
  const Shape& x = context.shape(0);
  if (x.rank() < 3 || x != channels_last(options.x_shape(x[0])) || context.shape(1) != options.packed_shape()) {
    context.fail("expects x [batch, spatial…, channels] and its weights in panels");
  }
  return {DType::f32, channels_last(options.y_shape(x[0]))};
}

struct SumCall {
  kernels::PreparedConvolution convolution;
  std::shared_ptr<const kernels::Program> epilogue;
};

void run(const SumCall& sum, std::byte* scratch, Worker worker) noexcept { sum.convolution.run(scratch, worker); }

Call prepare(const PrepareContext& context) {
  const auto& options = context.as<SumOptions>();
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
  SumCall sum{kernels::PreparedConvolution(call), epilogue};
  const std::size_t scratch = sum.convolution.scratch_bytes();
  return Call::of<run>(std::move(sum), true, scratch);
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<SumOptions>();
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

std::optional<Options> with_epilogue(const Options& options, const Chain& chain) {
  if (tile_place(chain) < 0) return std::nullopt;
  auto changed = options.as<SumOptions>();
  changed.epilogue = chain;
  return Options(changed);
}

}  // namespace

/// A convolution with packed weights, then the epilogue. Made from Conv.
std::vector<OpDef> convolution_sum() {
  OpDef op;
  op.name = "ConvolutionSum";
  op.summary = "y = epilogue(Σ over windows of x · W + bias), channels last, W in panels";
  op.minimum_inputs = 2;
  op.maximum_inputs = kOwnInputs;
  op.internal = true;
  op.default_options = SumOptions{};
  op.infer = [](const InferContext& context) {
    return epilogue_types(context, context.as<SumOptions>().epilogue, kOwnInputs, own_type(context));
  };
  op.reference = reference;
  op.kernels = {{"convolution", nullptr, prepare}};
  op.flops = [](const InferContext& context) {
    const auto& options = context.as<SumOptions>();
    return options.flops(context.shape(0)[0]) + epilogue_flops(options.epilogue, own_type(context).shape.elements());
  };
  op.may_alias = [](const InferContext& context) {
    return epilogue_aliases(context, context.as<SumOptions>().epilogue, kOwnInputs, true);
  };
  op.with_epilogue = with_epilogue;
  op.samples = [] {
    std::vector<Sample> samples;
    for (const ConvolutionSample& sample : convolution_samples()) {
      SumOptions options;
      static_cast<ConvolutionOptions&>(options) = sample.options;
      const Sample::Input x{{DType::f32, channels_last(sample.options.x_shape(sample.batch))}};
      const Sample::Input w{{DType::f32, sample.options.packed_shape()}};
      samples.push_back({{x, w}, options, sample.note});
      samples.push_back({{x, w, {{DType::f32, {sample.options.outputs}}}}, options, sample.note + ", bias"});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
