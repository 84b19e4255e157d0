#include "neurons/plan/schedule.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "neurons/base/at.hpp"

namespace neurons {
namespace {

/// Nodes that run as soon as they can: single numbers, on which updates wait, and updates in place, which read what has just been
/// made. Left to the end, updates would find it far away, and until then nothing else could have its memory.
std::vector<bool> early_nodes(const Graph& graph, const std::vector<bool>& in_place) {
  std::vector<bool> early;
  for (const Node& node : graph.nodes()) {
    early.push_back(std::ranges::all_of(node.outputs, [&](int id) { return graph.info(id).type.shape.elements() == 1; }));
  }
  for (std::size_t a = 0; a < in_place.size(); ++a) {
    if (in_place[a]) early[at(graph.info(graph.assignments()[a].value).node)] = true;
  }
  return early;
}

/// Kahn's algorithm, early nodes and then the lowest index first, over data edges and, for the assignments that are in place, the
/// edges reader → writer and guard → writer. Empty if there is a cycle.
std::vector<int> order_nodes(const Graph& graph, const std::vector<bool>& in_place, int guard) {
  const std::size_t count = graph.nodes().size();
  std::vector<std::set<int>> after(count);
  const auto edge = [&](int from, int to) {
    if (from >= 0 && from != to) after[at(from)].insert(to);
  };
  for (std::size_t n = 0; n < count; ++n) {
    for (const int id : graph.nodes()[n].inputs) {
      if (id >= 0) edge(graph.info(id).node, static_cast<int>(n));
    }
  }
  std::map<int, int> writers;  // of states, in place
  for (std::size_t a = 0; a < in_place.size(); ++a) {
    if (!in_place[a]) continue;
    const Assignment& assignment = graph.assignments()[a];
    const int writer = graph.info(assignment.value).node;
    writers.emplace(assignment.state, writer);
    if (guard >= 0) edge(graph.info(guard).node, writer);
  }
  for (std::size_t n = 0; n < count; ++n) {
    for (const int id : graph.nodes()[n].inputs) {
      if (const auto written = writers.find(id); written != writers.end()) edge(static_cast<int>(n), written->second);
    }
  }
  std::vector<int> waiting(count, 0);
  for (const auto& targets : after) {
    for (const int target : targets) ++waiting[at(target)];
  }
  const std::vector<bool> early = early_nodes(graph, in_place);
  std::set<std::pair<bool, int>> ready;  // late ones last
  const auto wake = [&](int n) { ready.insert({!early[at(n)], n}); };
  for (std::size_t n = 0; n < count; ++n) {
    if (waiting[n] == 0) wake(static_cast<int>(n));
  }
  std::vector<int> order;
  while (!ready.empty()) {
    const int n = ready.extract(ready.begin()).value().second;
    order.push_back(n);
    for (const int target : after[at(n)]) {
      if (--waiting[at(target)] == 0) wake(target);
    }
  }
  if (order.size() != count) order.clear();
  return order;
}

/// Which nodes must have run before node `last`: those that it reads, those that they read, …
std::vector<bool> nodes_before(const Graph& graph, int last) {
  std::vector<bool> before(graph.nodes().size(), false);
  if (last >= 0) before[at(last)] = true;
  for (int n = last; n >= 0; --n) {
    if (!before[at(n)]) continue;
    for (const int id : graph.node(n).inputs) {
      if (id >= 0 && graph.info(id).node >= 0) before[at(graph.info(id).node)] = true;
    }
  }
  return before;
}

}  // namespace

StepSchedule make_schedule(const Graph& graph, int guard) {
  StepSchedule schedule;
  // What is assigned (running statistics) may be made by a node that the guard needs: it cannot wait for the guard's word.
  const std::vector<bool> before_guard = nodes_before(graph, guard >= 0 ? graph.info(guard).node : -1);
  for (const Assignment& assignment : graph.assignments()) {
    const bool computed = graph.info(assignment.value).kind == ValueKind::computed;
    const bool is_output = std::ranges::any_of(
        graph.outputs(), [&](const auto& output) { return output.value == assignment.state || output.value == assignment.value; });
    const bool copied_elsewhere = std::ranges::count_if(graph.assignments(), [&](const auto& other) {
                                    return other.value == assignment.value || other.value == assignment.state;
                                  }) > 1;
    const bool with_guard = computed && before_guard[at(graph.info(assignment.value).node)];
    schedule.in_place.push_back(computed && !is_output && !copied_elsewhere && !with_guard);
  }
  const auto all = schedule.in_place;
  schedule.order = order_nodes(graph, schedule.in_place, guard);
  if (!schedule.order.empty() || graph.nodes().empty()) return schedule;
  // A cycle: take the in-place updates one by one, leaving out those that cannot be met together with the ones before.
  schedule.in_place.assign(all.size(), false);
  for (std::size_t a = 0; a < all.size(); ++a) {
    schedule.in_place[a] = all[a];
    if (order_nodes(graph, schedule.in_place, guard).empty()) schedule.in_place[a] = false;
  }
  schedule.order = order_nodes(graph, schedule.in_place, guard);
  return schedule;
}

}  // namespace neurons
