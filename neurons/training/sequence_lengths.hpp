#pragma once
/// Inputs of a plan that say how many steps of each sequence exist.

#include <string>
#include <vector>

#include "neurons/plan/plan.hpp"

namespace neurons {

class SequenceLengths {
 public:
  /// Those that reach the lengths of an RNN, GRU or LSTM of `graph`, and where `plan`, made of it, reads them in that slot.
  SequenceLengths(const Graph& graph, const Plan& plan, int slot);

  /// Throws InputError for a length below 0 or beyond the steps of the data. Else takes no memory.
  void require() const;

 private:
  struct Input {
    std::string name;
    std::int64_t steps = 0;
    TensorView values;
  };
  std::vector<Input> inputs_;
};

}  // namespace neurons
