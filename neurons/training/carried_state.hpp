#pragma once
/// What a learner's recurrent neurons remember from batch to batch.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "neurons/layers/network.hpp"
#include "neurons/plan/state_store.hpp"

namespace neurons {

/// Memory of the plans that are run in turn: all see batches of the same number of rows.
class CarriedState {
 public:
  explicit CarriedState(std::string suffix) : suffix_(std::move(suffix)) {}

  /// The network's graph with memory whose names end with the suffix. Throws InputError for another number of rows than before, and
  /// as carry_state().
  Graph build(const Network& network, std::int64_t rows, Mode mode) const;
  /// Once a plan of such a graph is compiled.
  void bind(const Network& network, std::int64_t rows, StateStore& states);
  /// Forgets all rows, or one. Takes no memory. Throws InputError for a row that is none.
  void reset(std::optional<std::int64_t> row);

 private:
  std::string suffix_;
  std::int64_t rows_ = 0;  ///< 0: not bound yet
  std::vector<std::span<float>> memory_;
};

}  // namespace neurons
