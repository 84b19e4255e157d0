#pragma once
/// The order in which the nodes of a graph run, and which states are updated in place.

#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons {

struct StepSchedule {
  std::vector<int> order;  ///< node indices
  std::vector<bool>
      in_place;  ///< per assignment: all readers of the old state run before (or are) the node that makes the new value
};

/// The graph's own order, but single numbers and updates in place as soon as they can be made; changed besides as far as needed so
/// that states can be updated in place, and only after `guard` (a value id, or -1 for none) is known.
StepSchedule make_schedule(const Graph& graph, int guard = -1);

}  // namespace neurons
