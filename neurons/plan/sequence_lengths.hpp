#pragma once
/// Inputs of a plan that say how many steps of each sequence exist.

#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons {

struct SequenceLengths {
  std::string name;        ///< of the input, i32 or i64
  std::int64_t steps = 0;  ///< that the data has

  /// Throws InputError for a length below 0 or beyond the steps. Else takes no memory.
  void require(const TensorView& values) const;
};

/// The inputs of `graph` that reach the lengths of an RNN, GRU or LSTM, or are compared with the numbers 0, 1, … of all steps.
std::vector<SequenceLengths> sequence_lengths(const Graph& graph);

}  // namespace neurons
