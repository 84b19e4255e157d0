#include "neurons/plan/copy_results.hpp"

#include <map>

#include "neurons/graph/rewrite.hpp"

namespace neurons {

Graph copy_results(const Graph& graph) {
  Rebuild rebuild(graph);
  rebuild.copy_signature();
  for (const Node& node : graph.nodes()) rebuild.copy(node);
  Graph& result = rebuild.graph();
  std::map<int, Value> copies;
  const auto computed = [&](int id) {
    if (graph.info(id).kind == ValueKind::computed) return rebuild(id);
    Value& copy = copies[id];
    if (!copy) copy = result.emit("Identity", {rebuild(id)});
    return copy;
  };
  for (const auto& output : graph.outputs()) result.output(output.name, computed(output.value));
  for (const auto& assignment : graph.assignments()) result.assign(rebuild(assignment.state), computed(assignment.value));
  return std::move(result);
}

}  // namespace neurons
