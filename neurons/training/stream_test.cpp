#include "neurons/training/stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "neurons/base/testing.hpp"
#include "neurons/base/testing/counting_new.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/attention.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/layers/temporal_conv.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

constexpr std::int64_t kTime = 40;

std::vector<float> noise(std::size_t count) {
  RandomStream random(9);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

/// What the network gives for the whole sequence.
std::vector<float> at_once(const Network& network, const std::vector<float>& x) {
  Dataset data;
  data.inputs = Tensor::of<float>({1, kTime, 3}, x);
  data.targets = Tensor(DType::f32, {1, 1});
  const Tensor y = predict(network, data, 1, 1);
  return {y.values<float>().begin(), y.values<float>().end()};
}

template <typename... Layers>
Network initialized(const Layers&... layers) {
  Network network = Sequential{{kTime, 3}, layers...};
  network.initialize(4);
  return network;
}

void expect_same(const Network& network) {
  const auto x = noise(kTime * 3);
  const auto whole = at_once(network, x);
  Stream stream(network);
  EXPECT_EQ(stream.features(), 3);
  const auto outputs = static_cast<std::size_t>(stream.outputs());
  for (int round = 0; round < 2; ++round) {
    for (std::size_t t = 0; t < kTime; ++t) {
      const auto y = stream.step(std::span(x).subspan(3 * t, 3));
      if (whole.size() == outputs && t + 1 < kTime) continue;
      const std::size_t first = whole.size() == outputs ? 0 : t * outputs;
      for (std::size_t i = 0; i < outputs; ++i) EXPECT_NEAR(y[i], whole[first + i], 1e-6) << "step " << t << ", round " << round;
    }
    stream.reset();
  }
}

TEST(Stream, GivesWhatTheWholeSequenceGives) {
  expect_same(initialized(Lstm{.hidden = 20, .return_sequences = true}, Dense{2}));
  expect_same(initialized(Lstm{.hidden = 33, .layers = 2}, Dense{5}, Tanh{}));
  expect_same(initialized(Gru{.hidden = 17, .return_sequences = true}, Gru{.hidden = 4, .return_sequences = true}, Dense{1}));
  expect_same(initialized(Gru{.hidden = 17, .return_sequences = true, .reset_after = false}, Dense{1}));
  expect_same(initialized(Dense{6}, Relu{}, SimpleRnn{.hidden = 9, .return_sequences = true}));
}

TEST(Stream, ReadsTokens) {
  Network network;
  auto x = network.add(Embedding{7, 5}, network.input("x", {kTime}, DType::i64));
  network.output("y", network.add(Dense{3}, network.add(Lstm{.hidden = 18, .layers = 2, .return_sequences = true}, x)));
  network.initialize(4);
  Dataset data{.inputs = Tensor(DType::i64, {1, kTime}), .targets = Tensor(DType::f32, {1, 1})};
  const auto tokens = data.inputs.values<std::int64_t>();
  for (std::size_t t = 0; t < tokens.size(); ++t) tokens[t] = static_cast<std::int64_t>(t * t % 7);
  const Tensor y = predict(network, data, 1, 1);
  Stream stream(network);
  EXPECT_EQ(stream.features(), 1);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const auto said = stream.step(tokens[t]);
    ASSERT_EQ(said.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(said[i], y.values<float>()[3 * t + i], 1e-6) << "step " << t;
  }
  EXPECT_EQ(message_of([&] { stream.step(7); }), "stream: token 7 is none of 0 … 6");
  EXPECT_EQ(message_of([&] { stream.step(-1); }), "stream: token -1 is none of 0 … 6");
  EXPECT_EQ(message_of([&] { stream.step(std::vector<float>{1}); }), "stream: the network reads tokens, but 1 numbers are given");
  Stream numbers(initialized(Lstm{.hidden = 2}));
  EXPECT_EQ(message_of([&] { numbers.step(1); }), "stream: the network reads 3 numbers a step, not a token");
}

TEST(Stream, TakesNoMemory) {
  const auto x = noise(3);
  for (const Layer& layer : {Layer(Lstm{.hidden = 32}), Layer(Gru{.hidden = 20}), Layer(Gru{.hidden = 20, .reset_after = false}),
                             Layer(SimpleRnn{.hidden = 20})}) {
    const Network network = initialized(layer, Dense{1});
    Stream stream(network);
    stream.swap_weights(network);
    const long before = testing::allocations_here();
    for (int i = 0; i < 100; ++i) stream.step(x);
    stream.reset();
    EXPECT_EQ(testing::allocations_here(), before) << layer.kind();
  }
}

TEST(Stream, NewWeightsGoOnFromTheStateOfTheOld) {
  const auto make = [] { return initialized(SimpleRnn{.hidden = 1, .return_sequences = true, .activation = "relu"}); };
  Network network = make();
  const auto set = [&](float input, float recurrent) {
    network.set_parameter("simple_rnn1.weight", Tensor::of<float>({1, 3}, {input, 0, 0}));
    network.set_parameter("simple_rnn1.recurrent_weight", Tensor::of<float>({1, 1}, {recurrent}));
    network.set_parameter("simple_rnn1.bias", Tensor::of<float>({1}, {0}));
  };
  set(1, 1);
  Stream stream(network);
  const std::vector<float> x = {2, 0, 0};
  EXPECT_EQ(stream.step(x)[0], 2);
  EXPECT_EQ(stream.step(x)[0], 4);
  set(10, 3);
  stream.swap_weights(network);
  EXPECT_EQ(stream.step(x)[0], 20 + 3 * 4);
  set(0, 1);
  stream.swap_weights(network);
  set(0, 2);
  stream.swap_weights(network);
  EXPECT_EQ(stream.step(x)[0], 64);
  EXPECT_EQ(stream.step(x)[0], 128);
}

/// Whoever reads sees one set of weights or another, never a mixture: each set gives the same number at every output.
TEST(Stream, WeightsAreSwappedWhileItRuns) {
  Network network = initialized(SimpleRnn{.hidden = 8, .return_sequences = true, .activation = "relu"});
  const auto set = [](Network& changed, float value) {
    changed.set_parameter("simple_rnn1.weight", Tensor(DType::f32, {8, 3}));
    changed.set_parameter("simple_rnn1.recurrent_weight", Tensor(DType::f32, {8, 8}));
    changed.set_parameter("simple_rnn1.bias", Tensor::of<float>({8}, std::vector<float>(8, value)));
  };
  set(network, 1);
  Stream stream(network);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    Network changed = network;
    for (int i = 2; i <= 300; ++i) {
      set(changed, static_cast<float>(i));
      stream.swap_weights(changed);
    }
    done = true;
  });
  const std::vector<float> x = {1, 1, 1};
  float last = 0;
  for (bool more = true; more;) {
    more = !done;
    const auto y = stream.step(x);
    EXPECT_GE(y[0], last);
    last = y[0];
    for (const float value : y) EXPECT_EQ(value, y[0]);
  }
  writer.join();
  EXPECT_EQ(stream.step(x)[0], 300);
}

TEST(Stream, RefusesWhatDoesNotGoStepByStep) {
  const auto complaint = [](const Network& network) { return message_of([&] { Stream stream(network); }); };
  EXPECT_THAT(complaint(initialized(Lstm{.hidden = 2, .bidirectional = true})), HasSubstr("lstm1 goes backward in time"));
  EXPECT_THAT(complaint(initialized(Dense{4})), HasSubstr("no recurrent layer"));
  EXPECT_THAT(complaint(initialized(TemporalConv{.filters = 4, .kernel = 3}, Lstm{.hidden = 2})),
              HasSubstr("some layer other than the recurrent ones sees more than one step"));
  EXPECT_THAT(complaint(Sequential{{4, 3}, Lstm{.hidden = 2}}), HasSubstr("no parameters yet"));
  // Whatever the parameters are now: swap_weights may bring others.
  Network still = initialized(LearnedPositions{.length = kTime}, Lstm{.hidden = 2});
  still.set_parameter("learned_positions1.weight", Tensor(DType::f32, {kTime, 3}));
  EXPECT_THAT(complaint(still), HasSubstr("sees more than one step"));
  EXPECT_THAT(complaint(initialized(LearnedPositions{}, Lstm{.hidden = 2})),
              HasSubstr("some layer other than the recurrent ones sees more than one step, as learned_positions1.weight f32[40, 3] "
                        "does, which"));
  Network unseeing = initialized(TemporalConv{.filters = 2, .kernel = 2}, Lstm{.hidden = 2});
  unseeing.set_parameter("temporal_conv1.weight", Tensor(DType::f32, {2, 3, 2}));
  EXPECT_THAT(complaint(unseeing), HasSubstr("sees more than one step"));
  Network single = Sequential{{1, 3}, Lstm{.hidden = 4, .return_sequences = true}, MultiHeadAttention{.heads = 2, .causal = true}};
  single.initialize(1);
  EXPECT_THAT(complaint(single), HasSubstr("sees more than one step"));
  EXPECT_THAT(complaint(Sequential{{4}, Dense{2}}), HasSubstr("one input [time, features]"));
  Stream stream(initialized(Lstm{.hidden = 2}));
  EXPECT_EQ(message_of([&] { stream.step(std::vector<float>{1, 2}); }), "stream: a step has 3 features, but 2 are given");
  EXPECT_THAT(message_of([&] { stream.swap_weights(initialized(Lstm{.hidden = 3})); }), HasSubstr("not those of the network"));
}

}  // namespace
}  // namespace neurons
