// Training on pictures that are changed at random.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/training/optimizers.hpp"
#include "neurons/training/training_testing.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

/// Noisy 8×8 pictures of a bright line: lying (class 0), standing (class 1) or both (class 2), at one of `places` from 2 on.
Dataset lines(std::int64_t samples, std::uint64_t seed, std::uint64_t places = 4) {
  Dataset data{.inputs = Tensor(DType::u8, {samples, 8, 8}),
               .targets = Tensor(DType::i64, {samples}),
               .class_names = {"lying", "standing", "both"},
               .input_scale = 1.0F / 255,
               .source = "lines"};
  RandomStream random(seed);
  for (std::int64_t n = 0; n < samples; ++n) {
    const auto pixels = data.inputs.values<std::uint8_t>().subspan(static_cast<std::size_t>(n) * 64, 64);
    for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random.below(100));
    const std::size_t at = 2 + random.below(places);
    const std::int64_t label = n % 3;
    for (std::size_t i = 0; i < 8; ++i) {
      if (label != 1) pixels[at * 8 + i] = 255;
      if (label != 0) pixels[i * 8 + at] = 255;
    }
    data.targets.values<std::int64_t>()[static_cast<std::size_t>(n)] = label;
  }
  return data;
}

Network reader(std::int64_t outputs = 3) { return Sequential{{8, 8}, Flatten{}, Dense{24}, Tanh{}, Dense{outputs}}; }

TrainOptions changing() {
  TrainOptions options;
  options.optimizer = AdamW{.learning_rate = 0.01F};
  options.augment =
      Augmentation{.flip_horizontal = true, .rotate = 5, .shift = 0.5, .crop_padding = 1, .contrast = 0.2, .mix_up = 0.3};
  options.epochs = 3;
  options.batch_size = 16;
  options.validation = lines(30, 2);
  options.seed = 5;
  options.threads = 1;
  return options;
}

History run(TrainOptions options, const std::filesystem::path& folder, bool resume = false) {
  Network network = reader();
  options.run_folder = folder;
  options.resume = resume;
  return train(network, lines(90, 1), options);
}

TEST(AugmentedTraining, StepByStepAndOnTwoThreadsItIsTheSame) {
  const TemporaryFolder folder;
  const History whole = run(changing(), folder / "whole");
  TrainOptions on_two = changing();
  on_two.threads = 2;
  EXPECT_EQ(run(on_two, folder / "two").weights_sha256, whole.weights_sha256);

  std::atomic<bool> interrupt{true};  // each call makes one step
  TrainOptions bit_by_bit = changing();
  bit_by_bit.interrupt = &interrupt;
  History part = run(bit_by_bit, folder / "parts");
  int calls = 1;
  for (; part.stop == StopReason::interrupted && calls < 100; ++calls) part = run(bit_by_bit, folder / "parts", true);
  EXPECT_EQ(calls, 3 * 6);
  EXPECT_EQ(part.weights_sha256, whole.weights_sha256);
  EXPECT_EQ(part.epochs.back().loss, whole.epochs.back().loss);
}

TEST(AugmentedTraining, TeachesWhatTheDataDoNotShow) {
  const auto accuracy = [](bool augmented) {
    TrainOptions options = changing();
    options.augment.reset();
    if (augmented) options.augment = Augmentation{.crop_padding = 3};
    options.epochs = 60;
    options.validation = lines(300, 3);
    Network network = reader();
    return train(network, lines(60, 4, 1), options).epochs.back().validation_accuracy;  // lines at one place only
  };
  EXPECT_LT(accuracy(false), 0.8);
  EXPECT_GT(accuracy(true), 0.9);
}

TEST(AugmentedTraining, MixingCountsTheLargerShareAsTheLabel) {
  TrainOptions options = changing();
  options.augment = Augmentation{.mix_up = 1e-3};  // shares are 0 or 1 as a rule
  options.epochs = 150;
  Network network = reader();
  const History history = train(network, lines(60, 4), options);
  EXPECT_GT(history.epochs.back().accuracy, 0.9);
  const Dataset two = lines(60, 4).subset(std::vector<std::int64_t>{0, 1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18, 19, 21, 22});
  options.validation.reset();
  options.loss = BinaryCrossEntropy{};
  Dataset named = two;
  named.class_names.resize(2);
  network = reader(1);
  EXPECT_GT(train(network, named, options).epochs.back().accuracy, 0.9) << "one output: the share of the second class";
}

TEST(AugmentedTraining, RefusesWhatDoesNotFit) {
  const auto refusal = [](TrainOptions options) {
    Network network = reader();
    return message_of([&] { train(network, lines(30, 1), options); });
  };
  TrainOptions options = changing();
  options.loss = Hinge{};
  EXPECT_EQ(refusal(options),
            "augment: mix_up makes class labels shares of classes, of which loss hinge cannot learn; use "
            "cross_entropy, or leave mix_up out");
  options = changing();
  options.augment->saturation = 0.5;
  EXPECT_THAT(refusal(options), HasSubstr("saturation needs pictures of 3 channels, but those of lines have 1"));
  options = changing();
  options.optimizer = Lbfgs{};
  EXPECT_THAT(refusal(options), HasSubstr("lbfgs: has no use for augmentation"));
  Network network = testing::classifier();
  options = changing();
  options.validation.reset();
  EXPECT_THAT(message_of([&] { train(network, testing::corners(40, 1), options); }), HasSubstr("augment: needs pictures"));

  const TemporaryFolder folder;
  run(changing(), folder / "run");
  options = changing();
  options.augment->crop_padding = 2;
  EXPECT_THAT(message_of([&] { run(options, folder / "run", true); }), HasSubstr("belongs to another run: augment was "));
}

TEST(Training, DropsTheSmallerLastBatchIfAsked) {
  TrainOptions options = changing();
  options.drop_last = true;
  options.epochs = 1;
  Network network = reader();
  EXPECT_EQ(train(network, lines(90, 1), options).epochs.back().step, 5);
  options.drop_last = false;
  network = reader();
  EXPECT_EQ(train(network, lines(90, 1), options).epochs.back().step, 6);
}

}  // namespace
}  // namespace neurons
