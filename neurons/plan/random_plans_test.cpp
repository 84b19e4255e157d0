// Random graphs, planned in every way, against the interpreter.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <optional>

#include "neurons/graph/print.hpp"
#include "neurons/plan/interpret.hpp"
#include "neurons/plan/plan.hpp"
#include "neurons/plan/random_graph_testing.hpp"

namespace neurons {
namespace {

/// What a run leaves: outputs and states, by name.
using Results = std::map<std::string, Tensor>;

/// Fills everything that steps write with NaN (in any float type), but for the states.
void poison(const Plan& plan, StateStore& store) {
  for (const PlanStep& step : plan.steps()) {
    for (const MemoryRange& range : step.writes) {
      bool is_state = false;
      for (const auto& name : store.names()) {
        if (!store.is_bound(name)) continue;
        const Buffer stored = store.bind(name);
        is_state = is_state || range.overlaps({stored.data, stored.data + stored.type.bytes()});
      }
      if (!is_state) std::memset(const_cast<std::byte*>(range.begin), 0xFF, static_cast<std::size_t>(range.end - range.begin));
    }
  }
}

Results run_planned(const Graph& graph, const ReferenceValues& numbers, const CompileOptions& options) {
  auto store = std::make_shared<StateStore>(graph.table());
  for (const ValueInfo& info : graph.values()) {
    if (info.kind == ValueKind::state) store->set(info.name, narrow(numbers.at(info.name)));
  }
  Plan plan = compile(graph, store, options);
  for (const ValueInfo& info : graph.values()) {
    if (info.kind == ValueKind::input) plan.input(info.name).assign(narrow(numbers.at(info.name)));
  }
  poison(plan, *store);
  RC_ASSERT(plan.run());
  Results results;
  for (const auto& output : graph.outputs()) {
    const TensorView view = plan.output(output.name);
    Tensor tensor(view.dtype, view.shape);
    std::memcpy(tensor.bytes().data(), view.bytes().data(), tensor.bytes().size());
    results.emplace("output " + output.name, std::move(tensor));
  }
  for (const auto& name : store->names()) results.emplace("state " + name, store->get(name));
  return results;
}

/// The same by the interpreter, in double precision.
std::map<std::string, ReferenceTensor> run_interpreted(const Graph& graph, const ReferenceValues& numbers) {
  const auto values = interpret(graph, numbers);
  std::map<std::string, ReferenceTensor> results;
  for (const auto& output : graph.outputs())
    results.emplace("output " + output.name, values[static_cast<std::size_t>(output.value)]);
  for (const ValueInfo& info : graph.values()) {
    if (info.kind == ValueKind::state) results.emplace("state " + info.name, numbers.at(info.name));
  }
  for (const auto& assignment : graph.assignments()) {
    results.insert_or_assign("state " + graph.info(assignment.state).name, values[static_cast<std::size_t>(assignment.value)]);
  }
  return results;
}

void expect_near(const Results& actual, const std::map<std::string, ReferenceTensor>& expected) {
  for (const auto& [name, tensor] : expected) {
    const ReferenceTensor wide = widen(actual.at(name));
    RC_ASSERT(wide.type == tensor.type);
    for (std::size_t i = 0; i < tensor.data.size(); ++i) {
      if (std::abs(wide.data[i] - tensor.data[i]) <= 2e-4 * std::max(1.0, std::abs(tensor.data[i]))) continue;
      RC_FAIL(name + " of " + tensor.type.to_string() + ", element " + std::to_string(i) + ": " + std::to_string(wide.data[i]) +
              " instead of " + std::to_string(tensor.data[i]));
    }
  }
}

void check_all_plans(const testing::RandomGraph& random) {
  RC_LOG() << to_string(random.graph);
  const auto expected = run_interpreted(random.graph, random.numbers);
  static const auto kTeam = std::make_shared<ThreadTeam>(2);
  for (const bool lay_out : {true, false}) {
    for (const bool fuse : {true, false}) {
      RC_LOG() << (lay_out ? "laid out" : "as given") << (fuse ? ", fused\n" : ", not fused\n");
      CompileOptions options;
      options.lay_out = lay_out;
      options.fuse = fuse;
      const Results alone = run_planned(random.graph, random.numbers, options);
      expect_near(alone, expected);
      options.team = kTeam;
      RC_ASSERT(run_planned(random.graph, random.numbers, options) == alone);  // to the bit
    }
  }
}

RC_GTEST_PROP(RandomPlans, InferAsTheInterpreterDoes, ()) {
  testing::RandomGraph random(false);
  random.name_outputs();
  check_all_plans(random);
}

RC_GTEST_PROP(RandomPlans, ChangeStatesAsTheInterpreterDoes, ()) {
  testing::RandomGraph random(false);
  random.name_outputs();
  random.assign_anything();
  check_all_plans(random);
}

RC_GTEST_PROP(RandomPlans, TrainAsTheInterpreterDoes, ()) {
  testing::RandomGraph random(false);
  random.name_outputs();
  random.train();
  check_all_plans(random);
}

TEST(RandomPlans, TrainLargeGraphsOnATeam) {
  const bool good = rc::check("large graphs", [] {
    if (testing::pick(8) > 0) return;  // each costs as much as a hundred small ones
    testing::RandomGraph random(true);
    random.name_outputs();
    random.train();
    check_all_plans(random);
  });
  EXPECT_TRUE(good);
}

}  // namespace
}  // namespace neurons
