#include "neurons/plan/profile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons {
namespace {

/// y = relu(x)², the counter c grows by 1 a run.
Plan counting_plan(const std::shared_ptr<StateStore>& store, std::shared_ptr<ThreadTeam> team) {
  Graph graph(ops::table());
  store->set("c", Tensor::of<float>({1}, {0}));
  const Value counter = graph.state("c", {DType::f32, {1}});
  const Value relu = graph.emit("Relu", {graph.input("x", {DType::f32, {100, 100}})});
  graph.output("y", graph.emit("MatMul", {relu, relu}));
  graph.assign(counter, counter + 1);
  CompileOptions options;
  options.team = std::move(team);
  Plan plan = compile(graph, store, options);
  for (float& value : plan.input("x").values<float>()) value = 0.5F;
  return plan;
}

TEST(Profile, TimesEachStepAndRunsThePlan) {
  for (const int threads : {1, 2}) {
    const auto store = std::make_shared<StateStore>(ops::table());
    const Plan plan = counting_plan(store, std::make_shared<ThreadTeam>(threads));
    const std::vector<double> seconds = profile(plan, 5);
    ASSERT_EQ(seconds.size(), plan.steps().size());
    EXPECT_THAT(seconds, ::testing::Each(::testing::Gt(0)));
    EXPECT_EQ(store->get("c").values<float>()[0], 5) << "each run updates";
  }
}

TEST(Profile, WithoutTeamAndWithoutRuns) {
  const auto store = std::make_shared<StateStore>(ops::table());
  const Plan plan = counting_plan(store, nullptr);
  EXPECT_EQ(profile(plan, 1).size(), plan.steps().size());
  EXPECT_EQ(testing::message_of([&] { profile(plan, 0); }), "profile: runs = 0 must be at least 1");
}

}  // namespace
}  // namespace neurons
