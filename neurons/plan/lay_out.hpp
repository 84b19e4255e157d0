#pragma once
/// Chooses how states are stored and rewrites a graph to read and write that form.

#include "neurons/graph/graph.hpp"
#include "neurons/plan/state_store.hpp"

namespace neurons {

/// Packs each state that an op wants packed (the first to ask decides; states that meet it in an elementwise op, such as an
/// optimiser's moments, follow), converts it in the store, and gives the graph that works on the stored forms. States bound already
/// keep theirs. Packing and unpacking are ordinary nodes, which cancel wherever ops can work on the packed form.
Graph lay_out(const Graph& graph, StateStore& store);

}  // namespace neurons
