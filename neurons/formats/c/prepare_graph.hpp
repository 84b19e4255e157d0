#pragma once
/// What is done to a graph before it is written as C.

#include <map>
#include <string>

#include "neurons/graph/graph.hpp"

namespace neurons::c {

/// The graph with `values` in place of its states, simplified, images with their channels last, and with what follows a weighted
/// sum channel by channel (batch normalisation) and the order of a flattened image inside of the sum's weights.
Graph prepare_graph(const Graph& graph, const std::map<std::string, Tensor>& values);

}  // namespace neurons::c
