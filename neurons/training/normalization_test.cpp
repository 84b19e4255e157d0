/// Batch normalisation in training: PyTorch's course (tests/fixtures/normalizations.npz), and statistics that outlive a run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "neurons/base/testing.hpp"
#include "neurons/base/testing/near_largest.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/formats/safetensors.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/training/optimizers.hpp"
#include "neurons/training/run_folder.hpp"
#include "neurons/training/training_testing.hpp"

namespace neurons {
namespace {

using testing::corners;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

constexpr std::int64_t kPictures = 8;
constexpr int kSteps = 10;

class NormalizedTrajectory : public ::testing::Test {
 protected:
  Network network() const {
    Network result = Sequential{{3, 6, 6},   Conv2d{.filters = 8, .padding = Padding::same, .bias = false},
                                BatchNorm{}, Relu{},
                                Flatten{},   Dense{10},
                                BatchNorm{}, Relu{},
                                Dense{4}};
    for (const auto& [name, type] : result.parameter_types()) result.set_parameter(name, at("initial/" + name));
    return result;
  }
  const Tensor& at(const std::string& name) const { return fixture_.at("trajectory/" + name); }

  Learner trained(int threads) const {
    Learner learner(network(),
                    {.optimizer = Sgd{.learning_rate = 0.05F, .momentum = 0.9F}, .team = std::make_shared<ThreadTeam>(threads)});
    const Tensor& inputs = at("inputs");
    const std::int64_t numbers = inputs.elements() / inputs.shape()[0];
    for (int step = 0; step < kSteps; ++step) {
      const std::int64_t first = kPictures * step % inputs.shape()[0];
      const Batch batch = learner.batch(kPictures, step % 2);
      std::copy_n(inputs.values<float>().begin() + first * numbers, kPictures * numbers, batch.inputs[0].values<float>().begin());
      std::copy_n(at("labels").values<std::int64_t>().begin() + first, kPictures, batch.target.values<std::int64_t>().begin());
      const StepResult result = learner.step(kPictures, step % 2);
      EXPECT_NEAR(static_cast<double>(result.loss), at("losses").values<double>()[static_cast<std::size_t>(step)], 1e-5)
          << "step " << step;
    }
    return learner;
  }

  std::map<std::string, Tensor> fixture_ = read_npz(NEURONS_SOURCE_DIR "/tests/fixtures/normalizations.npz");
};

void expect_near(std::span<const float> found, std::span<const double> expected, const std::string& what) {
  testing::expect_near_largest(found, expected, what, 0.01);  // the bias before a batch normalisation stays near 0
}

TEST_F(NormalizedTrajectory, EndsWherePyTorchsEnds) {
  Learner learner = trained(1);
  const auto& parameters = learner.network().parameters();
  EXPECT_EQ(parameters.size(), 13U);
  for (const auto& [name, tensor] : parameters) expect_near(tensor.values<float>(), at("final/" + name).values<double>(), name);
  Plan& inference = learner.inference(at("inputs").shape()[0]);
  inference.input("x").assign(at("inputs"));
  inference.run();
  expect_near(inference.output("y").values<float>(), at("inference").values<double>(), "inference");
}

TEST_F(NormalizedTrajectory, IsTheSameBitsAtOneAndTwoThreads) {
  Learner alone = trained(1);
  Learner together = trained(2);
  for (const auto& [name, tensor] : alone.network().parameters()) EXPECT_EQ(tensor, together.network().parameter(name)) << name;
}

Network normalized() { return Sequential{{2}, Dense{16}, BatchNorm{}, Tanh{}, Dense{4}}; }

TEST(BatchNormTraining, SavedStatisticsSayTheSame) {
  const TemporaryFolder folder;
  Network network = normalized();
  const Dataset data = corners(100, 1);
  const History history =
      train(network, data, {.epochs = 20, .batch_size = 16, .seed = 3, .threads = 1, .run_folder = folder.path()});
  EXPECT_GT(history.epochs.back().accuracy, 0.8);
  const Tensor& mean = network.parameter("batch_norm1.running_mean");
  EXPECT_TRUE(std::ranges::any_of(mean.values<float>(), [](float value) { return value != 0; }));
  Network loaded = normalized();
  const TensorFile file = read_safetensors(RunFolder(folder.path()).model_path());
  for (const auto& [name, tensor] : file.tensors) loaded.set_parameter(name, tensor);
  EXPECT_TRUE(loaded.initialized());
  EXPECT_EQ(predict(loaded, data, 7, 1), predict(network, data, 7, 1));
  const auto one_by_one = predict(loaded, data, 1, 1);
  const auto together = predict(loaded, data, 100, 1);
  for (std::size_t i = 0; i < together.values<float>().size(); ++i) {
    EXPECT_NEAR(one_by_one.values<float>()[i], together.values<float>()[i], 1e-4) << "inference must not see the batch";
  }
}

TEST(BatchNormTraining, GoesOnFromACheckpointAsIfNothingHadHappened) {
  const TemporaryFolder folder;
  const auto run = [&](const std::string& name, std::atomic<bool>* interrupt, bool resume) {
    Network network = normalized();
    TrainOptions options{.epochs = 2, .batch_size = 16, .seed = 3, .threads = 1};
    options.accumulate = 2;
    options.run_folder = folder / name;
    options.interrupt = interrupt;
    options.resume = resume;
    return train(network, corners(100, 1), options);
  };
  const History whole = run("whole", nullptr, false);
  std::atomic<bool> interrupt{true};  // each call makes one step
  History part = run("parts", &interrupt, false);
  for (int calls = 1; part.stop == StopReason::interrupted && calls < 30; ++calls) part = run("parts", &interrupt, true);
  EXPECT_EQ(part.stop, StopReason::completed);
  EXPECT_EQ(part.weights_sha256, whole.weights_sha256);
}

TEST(BatchNormTraining, DecayLeavesStatisticsAlone) {
  Learner learner(normalized(), {.optimizer = Sgd{.learning_rate = 0.1F, .weight_decay = 0.5F}});
  const Batch& batch = learner.batch(4);
  std::ranges::fill(batch.inputs[0].values<float>(), 0.0F);  // every sum is the bias, 0
  std::ranges::fill(batch.target.values<std::int64_t>(), 0);
  for (int step = 0; step < 3; ++step) learner.step(4);
  for (const float variance : learner.network().parameter("batch_norm1.running_var").values<float>()) {
    EXPECT_FLOAT_EQ(variance, 0.9F * 0.9F * 0.9F);
  }
}

TEST(BatchNormTraining, AStepWhoseLossIsNotFiniteLeavesStatisticsAsTheyWere) {
  Learner learner(normalized(), {.optimizer = Sgd{.learning_rate = 0.1F}});
  const Batch& batch = learner.batch(4);
  std::ranges::fill(batch.inputs[0].values<float>(), NAN);
  std::ranges::fill(batch.target.values<std::int64_t>(), 0);
  EXPECT_FALSE(learner.step(4).finite);
  for (const float mean : learner.network().parameter("batch_norm1.running_mean").values<float>()) EXPECT_EQ(mean, 0);
}

TEST(BatchNormTraining, IsRefusedByMethodsThatLookAtAllSamplesAtOnce) {
  Network network = normalized();
  EXPECT_THAT(message_of([&] { train(network, corners(20, 1), {.optimizer = Lbfgs{}}); }), HasSubstr("batch normalisation"));
}

}  // namespace
}  // namespace neurons
