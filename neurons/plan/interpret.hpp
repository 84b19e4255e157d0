#pragma once
/// A graph run node by node in double precision, with the ops' references: the oracle of plans and of gradient checks.

#include <map>
#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons {

/// Values for inputs and states, by name.
using ReferenceValues = std::map<std::string, ReferenceTensor>;

/// All values of the graph, by value id. Throws InputError for a missing input, or an op with neither reference nor decomposition.
std::vector<ReferenceTensor> interpret(const Graph& graph, const ReferenceValues& given);

}  // namespace neurons
