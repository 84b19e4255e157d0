#include "neurons/ops/common/convolution_sum.hpp"

namespace neurons::ops {
namespace {

struct SumCall {
  kernels::PreparedConvolution convolution;
  std::shared_ptr<const kernels::Program> epilogue;
};

void run_sum(const SumCall& sum, std::byte* scratch, Worker worker) noexcept { sum.convolution.run(scratch, worker); }

}  // namespace

Call convolution_call(kernels::PreparedConvolution convolution, std::shared_ptr<const kernels::Program> epilogue) {
  const std::size_t scratch = convolution.scratch_bytes();
  return Call::of<run_sum>(SumCall{std::move(convolution), std::move(epilogue)}, true, scratch);
}

std::vector<Kernel> convolution_kernels(const std::function<Call(const PrepareContext&, kernels::ConvolutionMethod)>& prepare) {
  const auto kernel = [&](std::string name, kernels::ConvolutionMethod method) {
    return Kernel{std::move(name),
                  [method](const InferContext& context) {
                    return kernels::refuse_method(context.as<ConvolutionSumOptions>().shape(context.shape(0)[0]), method);
                  },
                  [prepare, method](const PrepareContext& context) { return prepare(context, method); }};
  };
  return {kernel("winograd 4x4", kernels::ConvolutionMethod::winograd_4x4),
          kernel("winograd 2x2", kernels::ConvolutionMethod::winograd_2x2),
          kernel("convolution", kernels::ConvolutionMethod::direct)};
}

std::vector<ConvolutionSample> convolution_sum_samples() {
  std::vector<ConvolutionSample> samples = convolution_samples();
  samples.push_back({{1, 16, 16, {9, 7}, {3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}}, 2, "tiles"});
  return samples;
}

OpDef convolution_sum_op(std::string name, std::string summary, std::size_t own_inputs, bool tile_in_output,
                         std::function<TensorType(const InferContext&)> own_type) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.minimum_inputs = 2;
  op.maximum_inputs = own_inputs;
  op.internal = true;
  op.default_options = ConvolutionSumOptions{};
  op.infer = [own_inputs, own_type](const InferContext& context) {
    return epilogue_types(context, context.as<ConvolutionSumOptions>().epilogue, own_inputs, own_type(context));
  };
  op.flops = [own_type](const InferContext& context) {
    const auto& options = context.as<ConvolutionSumOptions>();
    return options.flops(context.shape(0)[0]) + epilogue_flops(options.epilogue, own_type(context).shape.elements());
  };
  op.may_alias = [own_inputs, tile_in_output](const InferContext& context) {
    return epilogue_aliases(context, context.as<ConvolutionSumOptions>().epilogue, own_inputs, tile_in_output);
  };
  op.with_epilogue = [tile_in_output](const Options& options, const Chain& chain) -> std::optional<Options> {
    if (tile_in_output && tile_place(chain) < 0) return std::nullopt;
    auto changed = options.as<ConvolutionSumOptions>();
    changed.epilogue = chain;
    return Options(changed);
  };
  return op;
}

}  // namespace neurons::ops
