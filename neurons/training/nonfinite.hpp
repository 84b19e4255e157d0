#pragma once
/// Where a loss that is not finite comes from.

#include <span>
#include <string>

#include "neurons/training/learner.hpp"

namespace neurons {

/// Runs the forward pass of a batch once more, op by op in float32, and says in a sentence which value is the first that is NaN or
/// infinite: in the batch itself, in the weights, or computed.
///
///     step 37: dense2 (Gemm), neuron 12, sample 5 of the batch (row 1041 of the data): the first value that is not finite is inf;
///     nothing was updated; lower the learning rate, clip the gradients, or check the data
///
/// Call it after a step() whose result was not finite, with the batch it ran on; `rows_of_data` says which sample of the data each
/// row is, if known.
std::string explain_nonfinite(const Learner& learner, const Batch& batch, std::span<const std::int64_t> rows_of_data = {});

}  // namespace neurons
