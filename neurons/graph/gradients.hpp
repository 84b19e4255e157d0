#pragma once
/// Backpropagation as a graph transformation.

#include <span>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons {

/// Appends to the graph of `loss` the nodes that compute d loss / d w for each w, and returns those values in order. `loss` must be
/// a float; where it has more than one element, `seed` (of its type) weights them, and is ones by default. A value that the loss
/// does not depend on has gradient zero. The new nodes are ordinary ones: they can be differentiated again. Throws InputError
/// naming the node where a path from w to the loss passes an op without a gradient, and for a w that is no float.
std::vector<Value> gradients(Value loss, std::span<const Value> with_respect_to, Value seed = {});

}  // namespace neurons
