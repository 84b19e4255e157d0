// L-BFGS and Levenberg–Marquardt through train().

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/training/run_folder.hpp"
#include "neurons/training/training_testing.hpp"

namespace neurons {
namespace {

using ::testing::AllOf;
using testing::corners;
using ::testing::HasSubstr;
using testing::message_of;
using testing::products;
using testing::regressor;
using ::testing::StartsWith;
using testing::TemporaryFolder;

Network plain_classifier() { return Sequential{{2}, Dense{8}, Tanh{}, Dense{4}}; }

TEST(FullBatch, LevenbergMarquardtFitsInAFewIterations) {
  Network network = regressor();
  const History history =
      train(network, products(200, 1),
            {.loss = MeanSquaredError{}, .optimizer = LevenbergMarquardt{}, .epochs = 30, .validation = products(80, 2)});
  EXPECT_LT(history.epochs.back().validation_rmse, 0.01);
  EXPECT_EQ(history.epochs.back().step, static_cast<std::int64_t>(history.epochs.size()));
  EXPECT_TRUE(std::isnan(history.epochs.back().learning_rate));
  for (std::size_t i = 1; i < history.epochs.size(); ++i) EXPECT_LE(history.epochs[i].loss, history.epochs[i - 1].loss);
}

TEST(FullBatch, LbfgsClassifiesAndSaysHowWell) {
  Network network = plain_classifier();
  const Dataset data = corners(150, 1, 0.3);
  const History history = train(network, data, {.optimizer = Lbfgs{}, .l2 = 1e-3, .epochs = 40, .validation = data});
  EXPECT_GT(history.epochs.back().accuracy, 0.97);
  EXPECT_EQ(history.epochs.back().accuracy, history.epochs.back().validation_accuracy);
  EXPECT_NEAR(history.epochs.back().loss, history.epochs.back().validation_loss, 1e-5);
}

TEST(FullBatch, EndsWhereNothingIsLeftToGain) {
  Network network = Sequential{{2}, Dense{1}};
  Dataset line = products(50, 1);
  for (std::size_t i = 0; i < 50; ++i) line.targets.values<float>()[i] = 3 * line.inputs.values<float>()[2 * i] - 1;
  const History history = train(network, line, {.loss = MeanSquaredError{}, .optimizer = LevenbergMarquardt{}, .epochs = 1000});
  EXPECT_EQ(history.stop, StopReason::completed);
  EXPECT_LT(history.epochs.size(), 100U);
  EXPECT_NEAR(network.parameter("dense1.weight").values<float>()[0], 3, 1e-4F);
}

TEST(FullBatch, ResumesBitExactly) {
  for (const bool least_squares : {false, true}) {
    const TemporaryFolder folder;
    std::atomic<bool> interrupt{true};
    TrainOptions options;
    options.optimizer = Lbfgs{};
    if (least_squares) {
      options.loss = MeanSquaredError{};
      options.optimizer = LevenbergMarquardt{};
    }
    options.epochs = 8;
    const Dataset data = least_squares ? products(60, 1) : corners(60, 1);
    const auto run = [&](const std::string& name, bool resume, std::atomic<bool>* flag) {
      Network network = least_squares ? regressor() : plain_classifier();
      options.run_folder = folder / name;
      options.resume = resume;
      options.interrupt = flag;
      return train(network, data, options);
    };
    const History whole = run("whole", false, nullptr);
    History part = run("parts", false, &interrupt);
    EXPECT_EQ(part.epochs.size(), 1U);
    for (int call = 0; call < 10 && part.stop == StopReason::interrupted; ++call) part = run("parts", true, &interrupt);
    EXPECT_EQ(part.weights_sha256, whole.weights_sha256);
    EXPECT_EQ(part.epochs.size(), whole.epochs.size());
  }
}

TEST(FullBatch, WhatItHasNoUseForIsRefused) {
  const auto complaint = [&](TrainOptions options) {
    Network network = plain_classifier();
    const Dataset data = corners(20, 1);
    options.optimizer = Lbfgs{};
    return message_of([&] { train(network, data, options); });
  };
  EXPECT_THAT(complaint({.accumulate = 2}), HasSubstr("lbfgs: has no use for accumulate; leave it out"));
  EXPECT_THAT(complaint({.schedule = Cosine{}}), HasSubstr("lbfgs: has no use for a learning rate schedule"));
  EXPECT_THAT(complaint({.warm_up_steps = 2}), HasSubstr("lbfgs: has no use for warm_up_steps"));
  EXPECT_THAT(complaint({.clip_norm = 2}), HasSubstr("lbfgs: has no use for clip_norm"));
  Network network = testing::classifier();
  EXPECT_THAT(message_of([&] { train(network, corners(20, 1), {.optimizer = Lbfgs{}}); }), HasSubstr("dropout"));
}

TEST(FullBatch, ALossThatIsNotFiniteIsExplained) {
  Network network = regressor();
  network.initialize(1);
  Tensor bias = network.parameter("dense2.bias");
  bias.values<float>()[0] = 1e30F;
  network.set_parameter("dense2.bias", bias);
  const std::string said = message_of<RuntimeError>(
      [&] { train(network, products(20, 1), {.loss = MeanSquaredError{}, .optimizer = Lbfgs{}, .epochs = 2}); });
  EXPECT_THAT(said, AllOf(StartsWith("step 1: loss ("),
                          HasSubstr("sample 0 of the batch (row 0 of the data): the first value that is not finite is inf")));
}

}  // namespace
}  // namespace neurons
