// Embeddings are updated row by row, with the bits of an update of the whole table.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "neurons/base/random.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/plan.hpp"
#include "neurons/training/learner.hpp"

namespace neurons {
namespace {

constexpr std::int64_t kRows = 40, kWidth = 19, kTokens = 12;

/// One update of a table by the gradient of what was gathered from it, as a plan that fuses or not.
struct Update {
  std::vector<std::vector<float>> states;
  std::vector<std::string> ops;
};
Update updated(const Optimizer& optimizer, bool fuse, int threads, bool scaled = false, float rate = 0.1F) {
  Graph graph(ops::table());
  const Value table = graph.state("table", {DType::f32, {kRows, kWidth}});
  const Value tokens = graph.input("tokens", {DType::i64, {kTokens}});
  Value slope = emit_with("GatherGradient", {graph.input("dy", {DType::f32, {kTokens, kWidth}}), tokens},
                          {{"axis", std::int64_t{0}}, {"extent", kRows}});
  if (scaled) slope = slope * graph.scalar(0.3);
  UpdateContext context{graph, "table", table, slope, {}};
  for (int s = 0; s < optimizer.scalar_count(); ++s) {
    context.scalars.push_back(graph.input("scalar" + std::to_string(s), {DType::f32, {}}));
  }
  optimizer.update(context);
  auto store = std::make_shared<StateStore>(graph.table());
  RandomStream random(3);
  Tensor first(DType::f32, {kRows, kWidth});
  for (float& value : first.values<float>()) value = static_cast<float>(random.normal());
  store->set("table", first);
  CompileOptions options;
  options.fuse = fuse;
  options.team = std::make_shared<ThreadTeam>(threads);
  Plan plan = compile(graph, store, options);
  for (float& value : plan.input("dy").values<float>()) value = static_cast<float>(random.normal());
  for (int s = 0; s < optimizer.scalar_count(); ++s) plan.input("scalar" + std::to_string(s)).values<float>()[0] = rate;
  Update result;
  for (int step = 0; step < 3; ++step) {
    const auto numbers = plan.input("tokens").values<std::int64_t>();
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int64_t>(random.below(kRows));
    numbers[5] = numbers[2];
    numbers[7] = kRows - 1;
    plan.run();
  }
  for (const auto& name : {"table", "table#m", "table#sum"}) {
    if (!store->has(name)) continue;
    const Tensor state = store->get(name);
    result.states.emplace_back(state.values<float>().begin(), state.values<float>().end());
  }
  for (const PlanStep& step : plan.steps()) result.ops.push_back(step.op);
  return result;
}

TEST(EmbeddingUpdate, HasTheBitsOfTheWholeTables) {
  for (const Optimizer& optimizer : std::vector<Optimizer>{Sgd{}, Adagrad{}, Adam{}, Sgd{.momentum = 0.9F}, Lion{}}) {
    for (const bool scaled : {false, true}) {
      const auto whole = updated(optimizer, false, 1, scaled).states;
      for (const int threads : {1, 2}) {
        const Update fused = updated(optimizer, true, threads, scaled);
        EXPECT_EQ(fused.states, whole) << optimizer.kind() << ", threads: " << threads;
        EXPECT_THAT(fused.ops, ::testing::ElementsAre("GatherGradient")) << optimizer.kind();
      }
    }
  }
}

/// An infinite rate makes NaN of every row that is written: ∞ · 0.
TEST(EmbeddingUpdate, PassesOverRowsThatReceiveNothing) {
  const float infinite = std::numeric_limits<float>::infinity();
  const auto finite_rows = [](const std::vector<float>& table) {
    int count = 0;
    for (std::size_t row = 0; row < table.size(); row += kWidth) count += std::isfinite(table[row]) ? 1 : 0;
    return count;
  };
  for (const Optimizer& optimizer : std::vector<Optimizer>{Sgd{}, Adagrad{}}) {
    EXPECT_EQ(finite_rows(updated(optimizer, false, 1, true, infinite).states[0]), 0) << optimizer.kind();
    EXPECT_GE(finite_rows(updated(optimizer, true, 2, true, infinite).states[0]), kRows - 3 * kTokens) << optimizer.kind();
  }
}

/// A network's step whose gradient is clipped: neither its norm nor the update needs the gradient of the whole table.
TEST(EmbeddingUpdate, NeedsNoGradientOfTheWholeTable) {
  LearnerOptions options{.loss = MeanSquaredError{}, .optimizer = Sgd{}, .clip_norm = 0.5};
  options.team = std::make_shared<ThreadTeam>(1);
  Network network;
  const auto x = network.add(Embedding{kRows, kWidth}, network.input("x", {6}, DType::i64));
  network.output("y", network.add(Dense{1}, network.add(Lstm{.hidden = 4}, x)));
  Learner learner(network, options);
  std::vector<std::string> of_tables;
  const Plan& plan = learner.training_plan(3);
  for (const PlanStep& step : plan.steps()) {
    for (const TensorType& type : step.outputs) {
      if (type.shape == Shape{kRows, kWidth}) of_tables.push_back(step.op + " " + step.detail);
    }
  }
  ASSERT_EQ(of_tables.size(), 1U);
  EXPECT_THAT(of_tables[0], ::testing::AllOf(::testing::HasSubstr("GatherGradient"), ::testing::HasSubstr("SgdUpdate")));
}

}  // namespace
}  // namespace neurons
