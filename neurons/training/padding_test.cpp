/// A padded step changes no loss, no gradient and no metric.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurons/base/testing.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/temporal_conv.hpp"
#include "neurons/layers/transformer.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

/// Six sequences of four steps of two numbers, filled up to `time` steps with `padding`. Targets: a label for each step, values of
/// each step, or a value for each sequence.
enum class Wanted { labels, values, last };

Dataset sequences_of(std::int64_t time, Wanted wanted, float padding = 0) {
  constexpr std::int64_t kSamples = 6, kReal = 4;
  Dataset data;
  data.source = "sequences";
  data.inputs = Tensor(DType::f32, {kSamples, time, 2});
  std::ranges::fill(data.inputs.values<float>(), padding);
  data.targets = wanted == Wanted::labels   ? Tensor(DType::i64, {kSamples, time})
                 : wanted == Wanted::values ? Tensor(DType::f32, {kSamples, time, 2})
                                            : Tensor(DType::f32, {kSamples, 2});
  RandomStream random(7);
  for (std::int64_t s = 0; s < kSamples; ++s) {
    for (std::int64_t t = 0; t < kReal; ++t) {
      const auto step = static_cast<std::size_t>(s * time + t);
      const double a = random.uniform(-1, 1), b = random.uniform(-1, 1);
      data.inputs.values<float>()[2 * step] = static_cast<float>(a);
      data.inputs.values<float>()[2 * step + 1] = static_cast<float>(b);
      const std::size_t target = wanted == Wanted::last ? static_cast<std::size_t>(s) : step;
      if (wanted == Wanted::labels) data.targets.values<std::int64_t>()[target] = a > b ? 1 : 0;
      if (wanted == Wanted::labels) continue;
      data.targets.values<float>()[2 * target] = static_cast<float>(a * b);
      data.targets.values<float>()[2 * target + 1] = static_cast<float>(a - b);
    }
    data.lengths.push_back(kReal);
  }
  mark_padding(data);
  return data;
}

Network sequence_network(std::int64_t time, Wanted wanted) {
  Network network;
  const auto x = network.input("x", {time, 2});
  const auto lengths = network.input("lengths", {}, DType::i64);
  const auto seen = network.add(Dense{.units = 3, .activation = "tanh"}, x);
  const auto mixed = network.add(TemporalConv{.filters = 4, .causal = false}, {seen, lengths});
  const auto block = network.add(TransformerEncoder{.heads = 2}, {mixed, lengths});
  const bool last = wanted == Wanted::last;
  const auto steps = network.add(Gru{.hidden = 3, .bidirectional = true, .return_sequences = !last}, {block, lengths});
  network.output("y", network.add(Dense{2}, steps));
  network.initialize(1);
  return network;
}

/// Training on sequences that are filled up goes the way of training on the sequences themselves.
TEST(Padding, ChangesNothing) {
  for (const Wanted wanted : {Wanted::labels, Wanted::values, Wanted::last}) {
    std::vector<Loss> losses{MeanSquaredError{}, MeanAbsoluteError{}, Huber{.delta = 0.3F}};
    if (wanted == Wanted::values) losses.emplace_back(CosineDistance{});
    if (wanted == Wanted::labels) losses = {CrossEntropy{}, Hinge{}};
#ifdef NEURONS_SANITIZED  // each takes seconds there, and they differ in the loss alone
    losses.erase(losses.begin() + 1, losses.end());
#endif
    for (const Loss& loss : losses) {
      const auto trained = [&](std::int64_t time) {
        Network network = sequence_network(time, wanted);
        const Dataset data = sequences_of(time, wanted);
        const History history = train(
            network, data,
            {.loss = loss, .optimizer = Sgd{.learning_rate = 0.01F}, .epochs = 3, .batch_size = 2, .validation = data, .seed = 5});
        return std::pair(history, network);
      };
      const auto [expected, alone] = trained(4);
      const auto [found, padded] = trained(7);
      for (std::size_t e = 0; e < 3; ++e) {
        EXPECT_NEAR(found.epochs[e].loss, expected.epochs[e].loss, 1e-5) << loss.kind();
        EXPECT_NEAR(found.epochs[e].validation_loss, expected.epochs[e].validation_loss, 1e-5) << loss.kind();
        if (wanted == Wanted::labels) {
          EXPECT_EQ(found.epochs[e].accuracy, expected.epochs[e].accuracy);
        } else {
          EXPECT_NEAR(found.epochs[e].validation_rmse, expected.epochs[e].validation_rmse, 1e-5);
        }
      }
      for (const auto& [name, tensor] : alone.parameters()) {
        const auto numbers = padded.parameter(name).values<float>();
        for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_NEAR(numbers[i], tensor.values<float>()[i], 1e-5) << name;
      }
    }
  }
}

/// One step of a loop of one's own: whatever stands in padding, NaN included, loss and weights are the same bits.
TEST(Padding, IsNeverLookedAt) {
  const auto trained = [](float padding) {
    Learner learner(sequence_network(7, Wanted::values), {.loss = MeanSquaredError{}, .team = std::make_shared<ThreadTeam>(1)});
    Dataset data = sequences_of(7, Wanted::values);
    for (std::size_t i = 0; float& value : data.inputs.values<float>()) {
      if (i++ / 2 % 7 >= 4) value = padding;
    }
    const Batch& batch = learner.batch(6);
    batch.inputs[0].assign(data.inputs);
    batch.inputs[1].assign(Tensor::of<std::int64_t>({6}, data.lengths));
    batch.target.assign(data.targets);
    const StepResult result = learner.step(6);
    EXPECT_TRUE(result.finite);
    EXPECT_EQ(result.weight, 24);
    return std::pair(result.loss, weights_sha256(learner.network()));
  };
  const auto expected = trained(0);
  for (const float padding : {1e6F, NAN, INFINITY}) EXPECT_EQ(trained(padding), expected) << padding;
}

TEST(Padding, DataInWhichNothingCountsAreRefused) {
  const auto complaint = [](const Dataset& data, Wanted wanted, const Loss& loss) {
    Network network = sequence_network(7, wanted);
    return message_of([&] { train(network, data, {.loss = loss, .batch_size = 2}); });
  };
  Dataset data = sequences_of(7, Wanted::labels);
  std::ranges::fill(data.targets.values<std::int64_t>(), kIgnoredLabel);
  EXPECT_EQ(
      complaint(data, Wanted::labels, CrossEntropy{}),
      "sequences: every target is -100, which counts nowhere: there is nothing to learn from and to judge by; give some steps a "
      "label");
  data = sequences_of(7, Wanted::values);
  std::ranges::fill(data.targets.values<float>(), NAN);
  EXPECT_THAT(complaint(data, Wanted::values, MeanSquaredError{}), HasSubstr("every target is NaN, which counts nowhere"));
}

/// A batch by chance: its loss and its gradient are 0, and the mean over the epoch is that of the others.
TEST(Padding, ABatchInWhichNothingCountsIsNoHarm) {
  Dataset data = sequences_of(4, Wanted::labels);
  std::fill_n(data.targets.values<std::int64_t>().begin(), 20, kIgnoredLabel);  // all sequences but the last
  Network network = sequence_network(4, Wanted::labels);
  const History history = train(network, data, {.optimizer = Sgd{.learning_rate = 0}, .epochs = 1, .batch_size = 1});
  const std::vector<std::int64_t> last{5};
  const History alone = train(network, data.subset(last), {.optimizer = Sgd{.learning_rate = 0}, .epochs = 1, .batch_size = 1});
  EXPECT_FLOAT_EQ(static_cast<float>(history.epochs[0].loss), static_cast<float>(alone.epochs[0].loss));
  EXPECT_EQ(history.epochs[0].accuracy, alone.epochs[0].accuracy);
}

TEST(Padding, LengthsThatNobodyReadsAreRefused) {
  const Dataset data = sequences_of(7, Wanted::last);
  Network network = Sequential{{7, 2}, Gru{.hidden = 2}};
  const auto refusal = [&](const Dataset& given) {
    return message_of([&] { train(network, given, {.loss = MeanSquaredError{}, .batch_size = 2}); });
  };
  EXPECT_THAT(refusal(data), HasSubstr("sequences: tells the lengths of its sequences, but the network has no input for them"));
  EXPECT_THAT(message_of([&] {
                Network reader = sequence_network(7, Wanted::values);
                train(reader, sequences_of(7, Wanted::values), {.loss = MeanSquaredError{}, .optimizer = LevenbergMarquardt{}});
              }),
              HasSubstr("levenberg_marquardt"));
}

}  // namespace
}  // namespace neurons
