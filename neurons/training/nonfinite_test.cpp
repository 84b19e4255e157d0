#include "neurons/training/nonfinite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurons/base/testing.hpp"
#include "neurons/training/optimizers.hpp"
#include "neurons/training/training_testing.hpp"

namespace neurons {
namespace {

using ::testing::AllOf;
using testing::classifier;
using testing::corners;
using ::testing::HasSubstr;
using testing::message_of;
using testing::products;
using testing::regressor;
using ::testing::StartsWith;

struct Fixture {
  explicit Fixture(Network network = classifier()) : learner(std::move(network), options()) { fill(); }
  static LearnerOptions options() {
    LearnerOptions result;
    result.optimizer = Sgd{};
    result.sample_weights = true;
    result.team = std::make_shared<ThreadTeam>(1);
    return result;
  }
  void fill() {
    const Dataset data = corners(6, 1);
    const Batch& batch = learner.batch(6);
    batch.inputs[0].assign(data.inputs);
    batch.target.assign(data.targets);
    for (float& weight : batch.weights.values<float>()) weight = 1;
  }
  std::string explain(std::span<const std::int64_t> rows = {}) {
    EXPECT_FALSE(learner.step(6).finite);
    return explain_nonfinite(learner, learner.batch(6), rows);
  }
  Learner learner;
};

TEST(NonFinite, InTheInputs) {
  Fixture fixture;
  EXPECT_TRUE(fixture.learner.step(6).finite);
  fixture.learner.batch(6).inputs[0].values<float>()[5] = std::nanf("");
  const std::vector<std::int64_t> rows = {10, 20, 30, 40, 50, 60};
  EXPECT_EQ(
      fixture.explain(rows),
      "step 2: input \"x\", feature 1, sample 2 of the batch (row 30 of the data): the data holds nan; nothing was updated; repair "
      "that sample, or leave it out");
}

TEST(NonFinite, InSampleWeightsAndLabels) {
  Fixture fixture;
  fixture.learner.batch(6).weights.values<float>()[4] = HUGE_VALF;
  EXPECT_THAT(fixture.explain(), HasSubstr("sample weight, sample 4 of the batch: the data holds inf"));
  fixture.fill();
  fixture.learner.batch(6).target.values<std::int64_t>()[3] = 4;
  EXPECT_THAT(fixture.explain(), HasSubstr("target, sample 3 of the batch: label 4 is none of the 4 classes 0 to 3"));
}

TEST(NonFinite, InTheWeights) {
  Network network = classifier();
  network.initialize(1);
  Tensor weight = network.parameter("dense2.weight");
  weight.values<float>()[16 + 3] = -HUGE_VALF;
  network.set_parameter("dense2.weight", weight);
  EXPECT_THAT(Fixture(network).explain(), StartsWith("step 1: dense2.weight[1, 3] is -inf already: the network was given so;"));
}

TEST(NonFinite, TheFirstThatOverflows) {
  Network network = Sequential{{2}, Dense{3}, Relu{}, Dense{4}};
  network.initialize(1);
  network.set_parameter("dense1.weight", Tensor::of<float>({3, 2}, std::vector{0.0F, 0.0F, 0.0F, 0.0F, 1e30F, 0.0F}));
  Tensor second(DType::f32, {4, 3});
  second.values<float>()[3 * 3 + 2] = 1e30F;
  network.set_parameter("dense2.weight", second);
  Fixture fixture(network);
  const auto x = fixture.learner.batch(6).inputs[0].values<float>();
  for (std::size_t row = 0; row < 6; ++row) x[2 * row] = row == 4 ? 1.0F : -1.0F;
  EXPECT_THAT(fixture.explain(),
              StartsWith("step 1: dense2 (Gemm), neuron 3, sample 4 of the batch: the first value that is not finite is inf; "
                         "nothing was updated; lower the learning rate, clip the gradients (clip_norm), or check the data"));
}

TEST(NonFinite, InTheLoss) {
  Network network = Sequential{{1}, Dense{1}};
  network.set_parameter("dense1.weight", Tensor::of<float>({1, 1}, std::vector{1.0F}));
  network.set_parameter("dense1.bias", Tensor::of<float>({1}, std::vector{0.0F}));
  LearnerOptions options = Fixture::options();
  options.loss = MeanSquaredError{};
  options.labels = false;
  options.sample_weights = false;
  Learner learner(network, options);
  const Batch& batch = learner.batch(2);
  batch.inputs[0].values<float>()[1] = 1e25F;
  EXPECT_FALSE(learner.step(2).finite);
  EXPECT_THAT(explain_nonfinite(learner, batch),
              AllOf(StartsWith("step 1: loss ("), HasSubstr("sample 1 of the batch"), HasSubstr("inf")));
}

TEST(NonFinite, StopsTheTrainingAndKeepsTheWeightsBefore) {
  Network network = regressor();
  Dataset data = products(64, 1);
  const TrainOptions options{.loss = MeanSquaredError{}, .optimizer = Sgd{.learning_rate = 50}, .epochs = 100, .batch_size = 8};
  const std::string said = message_of<RuntimeError>([&] { train(network, data, options); });
  EXPECT_THAT(said,
              AllOf(StartsWith("step "), HasSubstr("the first value that is not finite is"), HasSubstr("lower the learning rate")));
  for (const auto& [name, tensor] : network.parameters()) {
    for (const float value : tensor.values<float>()) EXPECT_TRUE(std::isfinite(value)) << name;
  }
}

}  // namespace
}  // namespace neurons
