// Passes change how a graph computes, never what.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "neurons/graph/print.hpp"
#include "neurons/graph/rewrite.hpp"
#include "neurons/plan/fuse.hpp"
#include "neurons/plan/lay_out.hpp"
#include "neurons/plan/random_graph_testing.hpp"

namespace neurons {
namespace {

/// Outputs, then assigned values.
std::vector<ReferenceTensor> results_of(const Graph& graph, const ReferenceValues& numbers) {
  const auto values = interpret(graph, numbers);
  std::vector<ReferenceTensor> results;
  for (const auto& output : graph.outputs()) results.push_back(values[static_cast<std::size_t>(output.value)]);
  for (const auto& assignment : graph.assignments()) results.push_back(values[static_cast<std::size_t>(assignment.value)]);
  return results;
}

testing::RandomGraph random_graph() {
  testing::RandomGraph random(false);
  random.name_outputs();
  if (testing::pick(2) == 0) {
    random.assign_anything();
  } else {
    random.train();
  }
  return random;
}

template <typename Pass>
void check_pass(Pass pass) {
  const testing::RandomGraph random = random_graph();
  const Graph changed = pass(random.graph);
  RC_LOG() << to_string(random.graph) << "became\n" << to_string(changed);
  RC_ASSERT(changed.outputs().size() == random.graph.outputs().size());
  RC_ASSERT(changed.assignments().size() == random.graph.assignments().size());
  const auto before = results_of(random.graph, random.numbers);
  const auto after = results_of(changed, random.numbers);
  for (std::size_t i = 0; i < before.size(); ++i) {
    RC_ASSERT(after[i].type == before[i].type);
    for (std::size_t e = 0; e < before[i].data.size(); ++e) {
      // Folded constants are rounded to single precision, so nothing is exact.
      RC_ASSERT(std::abs(after[i].data[e] - before[i].data[e]) <= 1e-5 * std::max(1.0, std::abs(before[i].data[e])));
    }
  }
}

RC_GTEST_PROP(Passes, RemoveDeadNodesKeepsAllResults, ()) { check_pass(remove_dead_nodes); }
RC_GTEST_PROP(Passes, MergeEqualNodesKeepsAllResults, ()) { check_pass(merge_equal_nodes); }
RC_GTEST_PROP(Passes, FoldConstantsKeepsAllResults, ()) {
  check_pass([](const Graph& graph) { return fold_constants(graph); });
}
RC_GTEST_PROP(Passes, SimplifyKeepsAllResults, ()) { check_pass(simplify); }
RC_GTEST_PROP(Passes, FuseKeepsAllResults, ()) { check_pass(fuse); }
RC_GTEST_PROP(Passes, DecomposeKeepsAllResults, ()) {
  check_pass([](const Graph& graph) { return decompose(graph, [](const OpDef& op) { return op.decompose == nullptr; }); });
}

RC_GTEST_PROP(Passes, SimplifyTwiceIsSimplifyOnce, ()) {
  const testing::RandomGraph random = random_graph();
  const Graph once = simplify(random.graph);
  RC_ASSERT(to_string(simplify(once)) == to_string(once));
}

}  // namespace
}  // namespace neurons
