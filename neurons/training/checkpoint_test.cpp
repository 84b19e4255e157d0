#include "neurons/training/checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurons/base/testing.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using ::testing::StartsWith;

Checkpoint some_checkpoint() {
  Checkpoint checkpoint;
  checkpoint.fingerprint = {{"batch_size", "32"}, {"layer dense1", "dense(units=3)"}};
  checkpoint.training.epochs.resize(2);
  checkpoint.training.epochs[1] = {2, 40, 0.1, std::nan(""), HUGE_VAL, 1.0 / 3, -0.0, 1e-300, 12.5};
  checkpoint.training.tally = {1.0 / 7, 3, 4, 5, 6e-30, 7};
  checkpoint.training.step_of_epoch = 9;
  checkpoint.training.seconds = 0.1 + 0.2;
  checkpoint.training.learning_rate = 2.5e-4;
  checkpoint.training.plateau = {0.25, HUGE_VAL, 3};
  checkpoint.training.best_loss = -HUGE_VAL;
  checkpoint.training.best_epoch = 1;
  checkpoint.training.converged = true;
  checkpoint.training.best_weights.emplace("w", Tensor::of<float>({2}, std::vector{1.0F, -2.0F}));
  checkpoint.engine.tensors.emplace("w#m", Tensor::of<float>({1}, std::vector{1e-40F}));
  checkpoint.engine.tensors.emplace("history", Tensor::of<double>({}, std::vector{3.5}));
  checkpoint.engine.numbers = {{"steps", std::int64_t{1} << 62}, {"position", -1}};
  return checkpoint;
}

Checkpoint parse(const std::string& bytes) { return parse_checkpoint(std::as_bytes(std::span(bytes)), "it"); }

TEST(CheckpointFile, KeepsEverything) {
  const std::string bytes = format_checkpoint(some_checkpoint());
  const Checkpoint read = parse(bytes);
  EXPECT_EQ(format_checkpoint(read), bytes);
  EXPECT_EQ(read.fingerprint, some_checkpoint().fingerprint);
  EXPECT_EQ(read.engine, some_checkpoint().engine);
  EXPECT_EQ(read.training.best_weights, some_checkpoint().training.best_weights);
  EXPECT_EQ(read.training.plateau, some_checkpoint().training.plateau);
  EXPECT_EQ(read.training.seconds, 0.1 + 0.2);
  EXPECT_EQ(read.training.learning_rate, 2.5e-4);
  EXPECT_EQ(read.training.tally.loss, 1.0 / 7);
  EXPECT_EQ(read.training.tally.outputs, 7);
  EXPECT_EQ(read.training.best_loss, -HUGE_VAL);
  EXPECT_TRUE(read.training.converged);
  ASSERT_EQ(read.training.epochs.size(), 2U);
  EXPECT_EQ(read.training.epochs[1].step, 40);
  EXPECT_TRUE(std::isnan(read.training.epochs[1].accuracy));
  EXPECT_TRUE(std::signbit(read.training.epochs[1].validation_rmse));
  EXPECT_EQ(read.training.epochs[1].learning_rate, 1e-300);
}

TEST(CheckpointFile, EveryTruncationAndEveryFlippedByteIsRefused) {
  const std::string bytes = format_checkpoint(some_checkpoint());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(message_of([&] { parse(bytes.substr(0, size)); }), StartsWith("it: ")) << size;
  }
  for (std::size_t place = 0; place < bytes.size(); ++place) {
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ 4);
    std::string said = "nothing thrown";
    try {
      if (format_checkpoint(parse(damaged)) == bytes) said = "it: the same all the same";  // a blank between JSON's words
    } catch (const InputError& error) {
      said = error.what();
    }
    EXPECT_THAT(said, StartsWith("it: ")) << place;
  }
}

TEST(CheckpointFile, FaultsAreNamed) {
  EXPECT_THAT(message_of([] { parse(format_safetensors({})); }), HasSubstr("it: is no checkpoint of this version"));
  std::string bytes = format_checkpoint(some_checkpoint());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  EXPECT_THAT(message_of([&] { parse(bytes); }), HasSubstr("it: is damaged: its content does not match its checksum"));
  EXPECT_THAT(message_of([] {
                require_same({{"seed", "1"}}, {{"seed", "2"}}, "it");
              }),
              HasSubstr("it: belongs to another run: seed was 1, now it is 2"));
  EXPECT_NO_THROW(require_same({{"seed", "1"}}, {{"seed", "1"}}, "it"));
}

}  // namespace
}  // namespace neurons
