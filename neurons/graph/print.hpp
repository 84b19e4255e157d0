#pragma once
/// Graphs as text.

#include <string>

#include "neurons/graph/graph.hpp"

namespace neurons {

/// One line a value: inputs, states, constants, then nodes in order, outputs and assignments. Equal graphs print equally.
std::string to_string(const Graph& graph);
/// Graphviz DOT: boxes for nodes, labelled edges for values.
std::string to_dot(const Graph& graph);

}  // namespace neurons
