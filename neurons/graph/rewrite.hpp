#pragma once
/// Passes: pure functions from graph to graph.

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons {

/// Copies a graph node by node into a new one, letting the caller replace nodes on the way.
class Rebuild {
 public:
  explicit Rebuild(const Graph& source);

  /// The new value that stands for an old one. Inputs, states and constants are made on first use.
  Value operator()(int old_id);
  void map(int old_id, Value value) { map_[static_cast<std::size_t>(old_id)] = value; }
  std::vector<Value> inputs(const Node& node);
  /// Copies a node as it is.
  void copy(const Node& node);
  /// Copies all inputs and states, used or not, so that the new graph has the same signature.
  void copy_signature();
  /// Copies outputs and assignments, and hands the graph over.
  Graph finish();
  Graph& graph() { return graph_; }

 private:
  const Graph* source_;
  Graph graph_;
  std::vector<Value> map_;
};

/// Called for each node with its inputs in the new graph: returns replacement outputs, or nothing to copy the node.
using NodeRule = std::function<std::optional<std::vector<Value>>(const RewriteContext&)>;

/// One sweep of a rule over all nodes.
Graph rewrite(const Graph& graph, const NodeRule& rule);

/// Without nodes whose results nothing uses. Inputs and states stay.
Graph remove_dead_nodes(const Graph& graph);
/// Equal nodes with equal inputs become one.
Graph merge_equal_nodes(const Graph& graph);
/// Nodes whose inputs are all constants (and whose result has at most `limit` elements) become constants, computed by their
/// reference. Integers too large for double precision are left to the kernels.
Graph fold_constants(const Graph& graph, std::int64_t limit = 1 << 20);
/// Applies the ops' own `simplify` rules, with the three passes above, until nothing changes.
Graph simplify(const Graph& graph);
/// Replaces every op that `accept` refuses by its decomposition, recursively. Throws InputError naming an op that has none.
Graph decompose(const Graph& graph, const std::function<bool(const OpDef&)>& accept);

}  // namespace neurons
