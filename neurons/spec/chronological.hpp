#pragma once
/// Data in the order of time parted as a spec asks: what is judged comes after what is learnt from. Private to the room.

#include <cstdint>
#include <string>

#include "neurons/data/sequences/series_windows.hpp"
#include "neurons/spec/data_spec.hpp"

namespace neurons {

struct ChronologicalParts {
  StepRange train;
  StepRange validation;  ///< empty where none is asked for
  StepRange test;        ///< likewise
};

/// The last steps test; the last before them validate; the rest learns. A fold { fold, folds } is one of walk-forward validation:
/// see walk_forward(). Throws InputError where a part would leave nothing before it.
ChronologicalParts part_in_order(const DataSpec& spec, std::int64_t steps, const std::string& source);

}  // namespace neurons
