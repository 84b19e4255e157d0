/// Fifty steps of every optimiser against PyTorch's: tests/fixtures/trajectories.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "neurons/data/readers/npy.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/training/learner.hpp"

namespace neurons {
namespace {

constexpr std::int64_t kBatchRows = 16;
constexpr int kUpdates = 50;

struct Trajectory {
  std::string file;
  Optimizer optimizer;
  double clip_norm = 0;
};

std::vector<Trajectory> trajectories() {
  return {{"sgd", Sgd{.learning_rate = 0.1F}},
          {"sgd_momentum", Sgd{.learning_rate = 0.1F, .momentum = 0.9F}},
          {"sgd_dampened", Sgd{.learning_rate = 0.1F, .momentum = 0.9F, .dampening = 0.5F}},
          {"sgd_nesterov_decay", Sgd{.learning_rate = 0.1F, .momentum = 0.9F, .nesterov = true, .weight_decay = 1e-4F}},
          {"sgd_clip_norm", Sgd{.learning_rate = 0.1F}, 0.5},
          {"adam", Adam{.learning_rate = 0.01F}},
          {"adam_l2", Adam{.learning_rate = 0.01F, .weight_decay = 0.01F}},
          {"adamw", AdamW{.learning_rate = 0.01F, .weight_decay = 0.05F}},
          {"rmsprop", RmsProp{.learning_rate = 1e-3F}},
          {"adagrad", Adagrad{.learning_rate = 0.05F}},
          {"lion", Lion{.learning_rate = 1e-3F, .weight_decay = 0.1F}}};
}

class Trajectories : public ::testing::TestWithParam<Trajectory> {
 protected:
  Trajectories() : fixture_(read_npz(NEURONS_SOURCE_DIR "/tests/fixtures/trajectories/" + GetParam().file + ".npz")) {}

  Network network() const {
    Network result = Sequential{{20}, Dense{32, "tanh"}, Dense{16, "relu"}, Dense{5}};
    for (const auto& [name, type] : result.parameter_types()) result.set_parameter(name, fixture_.at("initial/" + name));
    return result;
  }

  /// The weights after all steps; checks the losses on the way.
  std::map<std::string, Tensor> train(int threads) const {
    Learner learner(
        network(),
        {.optimizer = GetParam().optimizer, .clip_norm = GetParam().clip_norm, .team = std::make_shared<ThreadTeam>(threads)});
    const Tensor& inputs = fixture_.at("inputs");
    const Tensor& labels = fixture_.at("labels");
    const auto losses = fixture_.at("losses").values<float>();
    const auto samples = inputs.shape()[0];
    for (int step = 0; step < kUpdates; ++step) {
      const auto first = kBatchRows * step % samples;
      const Batch batch = learner.batch(kBatchRows, step % 2);
      std::copy_n(inputs.values<float>().begin() + first * 20, kBatchRows * 20, batch.inputs[0].values<float>().begin());
      std::copy_n(labels.values<std::int64_t>().begin() + first, kBatchRows, batch.target.values<std::int64_t>().begin());
      const StepResult result = learner.step(kBatchRows, step % 2);
      EXPECT_TRUE(result.updated);
      EXPECT_NEAR(result.loss, losses[static_cast<std::size_t>(step)], 1e-5) << "step " << step;
    }
    EXPECT_EQ(learner.steps(), kUpdates);
    return learner.network().parameters();
  }

  std::map<std::string, Tensor> fixture_;
};

TEST_P(Trajectories, EndWherePyTorchsEnd) {
  const auto parameters = train(1);
  ASSERT_EQ(parameters.size(), 6U);
  for (const auto& [name, tensor] : parameters) {
    const auto found = tensor.values<float>();
    const auto expected = fixture_.at("final_float64/" + name).values<double>();
    double largest = 0;
    double difference = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      largest = std::max(largest, std::abs(expected[i]));
      difference = std::max(difference, std::abs(static_cast<double>(found[i]) - expected[i]));
    }
    EXPECT_LE(difference, 1e-5 * largest) << name;
    RecordProperty(name, std::to_string(difference / largest));
  }
}

TEST_P(Trajectories, AreTheSameBitsAtOneAndTwoThreads) {
  const auto alone = train(1);
  const auto together = train(2);
  for (const auto& [name, tensor] : alone) EXPECT_EQ(tensor, together.at(name)) << name;
}

INSTANTIATE_TEST_SUITE_P(PyTorch, Trajectories, ::testing::ValuesIn(trajectories()),
                         [](const auto& instance) { return instance.param.file; });

}  // namespace
}  // namespace neurons
