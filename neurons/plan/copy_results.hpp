#pragma once
/// Results that no node computes get one that does.

#include "neurons/graph/graph.hpp"

namespace neurons {

/// Outputs, and values of assignments, that are inputs, states or constants become copies of them, made while the plan runs: an
/// output then holds what the state was before the run changed it, whichever input slot was used, and states can be swapped.
Graph copy_results(const Graph& graph);

}  // namespace neurons
