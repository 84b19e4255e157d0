#pragma once
/// Where a loss that is not finite comes from.

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "neurons/training/learner.hpp"

namespace neurons {

/// A number that is NaN or infinite.
struct Nonfinite {
  std::string where;  ///< "dense1.weight", "dense2 (Gemm)"
  Shape shape;        ///< of the tensor that holds it
  std::int64_t element = 0;
  float value = 0;

  /// "dense1.weight[3, 2] is nan"
  std::string to_string() const;
};

/// The value of a parameter.
using ValueOfParameter = std::function<Tensor(const std::string& name)>;

/// The first parameter, in the order of the layers, that holds such a number.
std::optional<Nonfinite> nonfinite_parameter(const Network& network, const ValueOfParameter& value_of);

/// The same of the network's own values.
std::optional<Nonfinite> nonfinite_parameter(const Network& network);

/// The first result that holds one when the graph is run once, op by op in float32; `fill` gives the plan its inputs.
std::optional<Nonfinite> nonfinite_result(Graph graph, const ValueOfParameter& value_of,
                                          const std::function<void(const Plan& plan)>& fill);

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
