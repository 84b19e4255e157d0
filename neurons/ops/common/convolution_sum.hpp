#pragma once
/// What the packed form of a convolution and its two gradients have in common: options, the prepared call, the frame of the op.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "neurons/ops/common/convolution.hpp"
#include "neurons/ops/common/epilogue.hpp"

namespace neurons::ops {

struct ConvolutionSumOptions : ConvolutionOptions {
  Chain epilogue;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    ConvolutionOptions::fields(self, visit);
    if (self.epilogue.empty()) return;
    std::string text = self.epilogue.to_string();
    visit("epilogue", text);
  }
};

/// Runs a convolution that keeps its epilogue alive.
Call convolution_call(kernels::PreparedConvolution convolution, std::shared_ptr<const kernels::Program> epilogue);

/// Best first: Winograd's in larger and smaller tiles, and the plain sums. `prepare(context, method)` makes the call.
std::vector<Kernel> convolution_kernels(const std::function<Call(const PrepareContext&, kernels::ConvolutionMethod)>& prepare);

/// convolution_samples() and one that Winograd takes: too large to be differenced number by number, as the plain ops are.
std::vector<ConvolutionSample> convolution_sum_samples();

/// An internal op with options ConvolutionSumOptions whose own inputs number 2 to `own_inputs` and whose own output is of the type
/// that `own_type` says. With `tile_in_output` its sums wait in an output (tile_place) for their chain, and it takes no chain that
/// leaves none for that. Reference, kernels and samples are the caller's.
OpDef convolution_sum_op(std::string name, std::string summary, std::size_t own_inputs, bool tile_in_output,
                         std::function<TensorType(const InferContext&)> own_type);

}  // namespace neurons::ops
