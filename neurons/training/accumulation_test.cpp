// What must hold of batches gathered into one update, and of batches that make none.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "neurons/base/random.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/training/learner.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;

Network small_network() {
  Sequential network{{5}, Dense{7}, Tanh{}, Dense{3}};
  network.initialize(3);
  return network;
}

/// Fills rows [first, first + rows) of an endless random table.
void fill(const Batch& batch, std::int64_t first) {
  const auto x = batch.inputs[0].values<float>();
  const auto labels = batch.target.values<std::int64_t>();
  for (std::size_t row = 0; row < labels.size(); ++row) {
    RandomStream random(17, static_cast<std::uint64_t>(first) + row);
    for (std::size_t i = 0; i < 5; ++i) x[row * 5 + i] = static_cast<float>(random.normal());
    labels[row] = static_cast<std::int64_t>(random.below(3));
    if (batch.weights.data != nullptr) batch.weights.values<float>()[row] = static_cast<float>(random.uniform(0, 3));
  }
}

LearnerOptions options_with(Optimizer optimizer) {
  LearnerOptions options;
  options.optimizer = std::move(optimizer);
  options.team = std::make_shared<ThreadTeam>(1);
  return options;
}

void expect_near(const StateStore& a, const StateStore& b, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    const Tensor left = a.get(name);
    const Tensor right = b.get(name);
    for (std::size_t i = 0; i < left.values<float>().size(); ++i) {
      EXPECT_NEAR(left.values<float>()[i], right.values<float>()[i], 2e-6) << name << " " << i;
    }
  }
}

TEST(Accumulation, UnevenBatchesUpdateAsOneBatchDoes) {
  for (const bool weighted : {false, true}) {
    LearnerOptions options = options_with(Sgd{.learning_rate = 0.5F, .momentum = 0.9F});
    options.loss =
        CrossEntropy{.label_smoothing = 0.0F, .class_weights = weighted ? std::vector{1.0F, 5.0F, 0.2F} : std::vector<float>{}};
    options.sample_weights = weighted;
    options.clip_norm = 0.3;
    options.l2 = 0.01;
    Learner whole(small_network(), options);
    options.accumulate = 3;
    Learner parts(small_network(), options);
    for (int update = 0; update < 3; ++update) {
      fill(whole.batch(16), 16 * update);
      const StepResult all = whole.step(16);
      double loss = 0;
      double weight = 0;
      std::int64_t first = 16 * update;
      for (const std::int64_t rows : {7, 8, 1}) {
        fill(parts.batch(rows), first);
        first += rows;
        const StepResult part = parts.step(rows);
        EXPECT_EQ(part.updated, rows == 1);
        loss += static_cast<double>(part.loss) * static_cast<double>(part.weight);
        weight += static_cast<double>(part.weight);
      }
      EXPECT_NEAR(loss / weight, all.loss, 1e-5);
      EXPECT_NEAR(weight, all.weight, 1e-5);
      expect_near(whole.states(), parts.states(), whole.trained());
    }
    EXPECT_EQ(parts.steps(), 3);
    EXPECT_EQ(parts.batches(), 9);
    EXPECT_EQ(parts.pending(), 0);
  }
}

TEST(Accumulation, CanEndEarly) {
  LearnerOptions options = options_with(Sgd{.learning_rate = 0.5F});
  Learner whole(small_network(), options);
  options.accumulate = 4;
  Learner parts(small_network(), options);
  fill(whole.batch(8), 0);
  whole.step(8);
  fill(parts.batch(5), 0);
  parts.step(5);
  EXPECT_EQ(parts.pending(), 1);
  fill(parts.batch(3, 0, true), 5);
  EXPECT_TRUE(parts.step(3, 0, 1.0, true).updated);
  EXPECT_EQ(parts.pending(), 0);
  expect_near(whole.states(), parts.states(), whole.trained());
}

TEST(Accumulation, BatchesWithoutWeightTeachNothing) {
  LearnerOptions options = options_with(Sgd{});
  options.sample_weights = true;
  Learner learner(small_network(), options);
  fill(learner.batch(4), 0);
  for (float& weight : learner.batch(4).weights.values<float>()) weight = 0;
  const Tensor before = learner.states().get("dense1.weight");
  const StepResult result = learner.step(4);
  EXPECT_TRUE(result.finite);
  EXPECT_EQ(result.loss, 0.0F);
  EXPECT_EQ(result.weight, 0.0F);
  EXPECT_EQ(learner.states().get("dense1.weight"), before);
}

/// A loss that is not finite stops the step before anything has changed, whatever the graph looks like.
TEST(Guard, ABadBatchChangesNoState) {
  for (const auto& [kind, optimizer] : optimizer_kinds()) {
    for (const int accumulate : {1, 2}) {
      for (const double clip : {0.0, 1.0}) {
        LearnerOptions options = options_with(optimizer);
        options.accumulate = accumulate;
        options.clip_norm = clip;
        options.l1 = clip * 0.01;
        options.sample_weights = clip > 0;
        Learner learner(small_network(), options);
        for (int step = 0; step < 3; ++step) {
          fill(learner.batch(6), 6 * step);
          EXPECT_TRUE(learner.step(6).finite);
        }
        for (const bool update : {true, false}) {
          if (!update && accumulate == 1) continue;
          std::map<std::string, Tensor> before;
          for (const auto& name : learner.states().names()) before.emplace(name, learner.states().get(name));
          fill(learner.batch(6, 1, update), 99);
          learner.batch(6, 1, update).inputs[0].values<float>()[12] = std::numeric_limits<float>::quiet_NaN();
          const std::int64_t steps = learner.steps();
          const StepResult result = learner.step(6, 1, 1.0, update);
          EXPECT_FALSE(result.finite);
          EXPECT_FALSE(result.updated);
          EXPECT_EQ(learner.steps(), steps);
          for (const auto& [name, tensor] : before) EXPECT_EQ(learner.states().get(name), tensor) << kind << ": " << name;
        }
      }
    }
  }
}

TEST(LearnerOptionsAreChecked, NamesAndNumbers) {
  const auto complaint = [](auto change) -> std::string {
    LearnerOptions options = options_with(Sgd{});
    change(options);
    try {
      Learner learner(small_network(), options);
      learner.batch(4, 0, false);
    } catch (const InputError& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_THAT(complaint([](LearnerOptions& options) {
                options.groups = {{"dense3.*", 0.1, {}}};
              }),
              HasSubstr("groups[0].pattern = \"dense3.*\" matches no parameter; did you mean"));
  EXPECT_THAT(complaint([](LearnerOptions& options) { options.clip_norm = -1; }), HasSubstr("clip_norm = -1 must be positive"));
  EXPECT_THAT(complaint([](LearnerOptions& options) { options.optimizer = Sgd{.learning_rate = NAN}; }),
              HasSubstr("learning_rate = nan"));
  EXPECT_THAT(complaint([](LearnerOptions& options) { options.accumulate = 0; }), HasSubstr("accumulate = 0 must be at least 1"));
  EXPECT_THAT(complaint([](LearnerOptions&) {}), HasSubstr("a step without update needs accumulate above 1"));
}

}  // namespace
}  // namespace neurons
