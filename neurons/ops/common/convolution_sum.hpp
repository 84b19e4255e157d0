#pragma once
/// What the packed form of a convolution and its two gradients have in common: options, the prepared call, the frame of the op.

#include <functional>
#include <memory>
#include <string>
#include <utility>

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

/// An internal op with options ConvolutionSumOptions whose own inputs number 2 to `own_inputs` and whose own output is of the type
/// that `own_type` says. With `keeps_tile` it takes those chains alone that leave the sums' tile in an output. Reference, kernels
/// and samples are the caller's.
OpDef convolution_sum_op(std::string name, std::string summary, std::size_t own_inputs, bool keeps_tile,
                         std::function<TensorType(const InferContext&)> own_type);

}  // namespace neurons::ops
