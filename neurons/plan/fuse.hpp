#pragma once
/// Joins elementwise ops with what they follow.

#include "neurons/graph/graph.hpp"

namespace neurons {

/// Elementwise nodes join the weighted sum (or any op with `with_epilogue`) whose result they read, as its epilogue, or each other
/// as a Chain, where no order of execution is broken by it and all read and write the same shape.
Graph fuse(const Graph& graph);

}  // namespace neurons
