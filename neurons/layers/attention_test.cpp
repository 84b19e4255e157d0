#include "neurons/layers/attention.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurons/base/testing.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/over_time.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/run_network_testing.hpp"
#include "neurons/layers/summary.hpp"
#include "neurons/layers/temporal_conv.hpp"
#include "neurons/layers/transformer.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using testing::matrix_of;
using testing::message_of;
using ::testing::Pointwise;
using testing::run_network;

Tensor waves(const Shape& shape, double frequency = 1) {
  Tensor tensor(DType::f32, shape);
  for (std::size_t i = 0; float& value : tensor.values<float>())
    value = static_cast<float>(std::sin(frequency * static_cast<double>(++i)));
  return tensor;
}

Tensor mask_of(const Shape& shape, std::vector<bool> flags) {
  Tensor tensor(DType::boolean, shape);
  std::ranges::copy(flags, tensor.values<bool>().begin());
  return tensor;
}

/// A network of one layer over x, and a mask if it takes one.
Network around(const Layer& layer, const Shape& sample, bool masked = false) {
  Network network;
  std::vector<Network::Tap> from{network.input("x", sample)};
  if (masked) from.push_back(network.input("mask", {sample[0]}, DType::boolean));
  network.output("y", network.add(layer, from));
  network.initialize(1);
  return network;
}

std::string refusal(const Layer& layer, const Shape& sample) {
  return message_of([&] { around(layer, sample); });
}

TEST(MultiHeadAttention, HasThePartsThatItDescribes) {
  const Network network = around(MultiHeadAttention{.heads = 4, .kv_heads = 2}, {5, 8});
  std::vector<std::string> names;
  for (const auto& [name, type] : network.parameter_types()) names.push_back(name + " " + type.shape.to_string());
  EXPECT_THAT(names, ElementsAre("multi_head_attention1.query.weight [8, 8]", "multi_head_attention1.query.bias [8]",
                                 "multi_head_attention1.key.weight [4, 8]", "multi_head_attention1.key.bias [4]",
                                 "multi_head_attention1.value.weight [4, 8]", "multi_head_attention1.value.bias [4]",
                                 "multi_head_attention1.output.weight [8, 8]", "multi_head_attention1.output.bias [8]"));
  const auto summary = summarize(network);
  ASSERT_EQ(summary.size(), 1U);
  EXPECT_EQ(summary[0].parameters, network.parameter_count());
}

TEST(MultiHeadAttention, CausalStepsDoNotSeeWhatComesLater) {
  for (const bool rotary : {false, true}) {
    const Network network = around(MultiHeadAttention{.heads = 2, .causal = true, .rotary = rotary}, {6, 4});
    Tensor x = waves({1, 6, 4});
    const auto before = run_network(network, {{"x", x}}).at("y");
    for (float& value : x.values<float>().subspan(16)) value += 1;  // the last two steps
    const auto after = run_network(network, {{"x", x}}).at("y");
    EXPECT_TRUE(std::equal(before.begin(), before.begin() + 16, after.begin()));
    EXPECT_NE(before, after);
  }
}

TEST(MultiHeadAttention, RotaryAgreementDependsOnDistanceAlone) {
  const Network network = around(MultiHeadAttention{.heads = 1, .rotary = true}, {3, 4});
  // The same vector at each step: every step sees the same values, whatever the angles.
  std::vector<float> same;
  for (int step = 0; step < 3; ++step) same.insert(same.end(), {1.0F, -0.5F, 0.25F, 2.0F});
  const auto y = run_network(network, {{"x", matrix_of({1, 3, 4}, same)}}).at("y");
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(y[i], y[8 + i], 1e-6);
}

/// Forward and backward need memory that grows with the steps, not with their pairs.
TEST(MultiHeadAttention, StoresNoMatrixOfAllPairsOfSteps) {
  constexpr std::int64_t kSteps = 2048;
  const Network network = around(MultiHeadAttention{.heads = 2, .causal = true}, {kSteps, 4});
  Graph graph(network.table());
  network.build(graph, 1, Mode::training);
  const std::vector<Value> weights{graph.find("multi_head_attention1.query.weight"),
                                   graph.find("multi_head_attention1.value.weight")};
  const auto slopes = gradients(graph.find("y"), weights, graph.input("dy", {DType::f32, {1, kSteps, 4}}));
  for (std::size_t i = 0; i < slopes.size(); ++i) graph.output("slope" + std::to_string(i), slopes[i]);
  auto store = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
  CompileOptions options;
  options.team = std::make_shared<ThreadTeam>(1);
  EXPECT_LT(compile(graph, store, options).arena_bytes(), kSteps * kSteps);  // an eighth of one such matrix for two heads
}

TEST(MultiHeadAttention, DropsWeightsInTrainingAlone) {
  const Network network = around(MultiHeadAttention{.heads = 2, .causal = true, .dropout = 0.5F}, {6, 4});
  const Network plain = [&] {
    Network other = around(MultiHeadAttention{.heads = 2, .causal = true}, {6, 4});
    for (const auto& [name, tensor] : network.parameters()) other.set_parameter(name, tensor);
    return other;
  }();
  const Tensor x = waves({2, 6, 4});
  EXPECT_EQ(run_network(network, {{"x", x}}), run_network(plain, {{"x", x}}));
  Graph graph(network.table());
  network.build(graph, 2, Mode::training);
  EXPECT_TRUE(graph.has("step"));
}

TEST(MultiHeadAttention, RefusesWhatDoesNotFit) {
  EXPECT_EQ(refusal(MultiHeadAttention{.heads = 3}, {5, 8}), "multi_head_attention1: heads = 3 does not divide the width 8");
  EXPECT_EQ(refusal(MultiHeadAttention{.heads = 4, .kv_heads = 3}, {5, 8}),
            "multi_head_attention1: kv_heads = 3 does not divide heads = 4");
  EXPECT_EQ(refusal(MultiHeadAttention{.heads = 8, .rotary = true}, {5, 8}),
            "multi_head_attention1: rotary = true needs heads of an even width, theirs is 1");
  EXPECT_EQ(refusal(MultiHeadAttention{.dropout = 1}, {5, 8}), "multi_head_attention1: dropout = 1 must be in [0, 1)");
  EXPECT_EQ(refusal(MultiHeadAttention{}, {8}), "multi_head_attention1: expects [batch, time, features], got f32[1, 8]");
  EXPECT_EQ(refusal(TransformerEncoder{.heads = 3}, {5, 8}),
            "transformer_encoder1.attention: heads = 3 does not divide the width 8");
  EXPECT_EQ(refusal(TransformerEncoder{.feed_forward = -1}, {5, 8}),
            "transformer_encoder1: feed_forward = -1 must be at least 1 (or 0: four times the width)");
  EXPECT_EQ(message_of([] {
              Network network;
              const auto x = network.input("x", {5, 8});
              const auto mask = network.input("mask", {4}, DType::boolean);
              network.output("y", network.add(MultiHeadAttention{}, {x, mask}));
              network.initialize(1);
            }),
            "multi_head_attention1: expects a mask bool[1, 5] (or [1, 5, 5]) for 5 steps of keys, got [1, 4]");
}

TEST(Embedding, GivesEachTokenItsRow) {
  Network network;
  network.output("y", network.add(Embedding{3, 2}, network.input("x", {4}, DType::i64)));
  network.set_parameter("embedding1.weight", matrix_of({3, 2}, {1, 2, 3, 4, 5, 6}));
  const Tensor tokens = Tensor::of<std::int64_t>({1, 4}, {2, 0, 2, 1});
  EXPECT_THAT(run_network(network, {{"x", tokens}}).at("y"), ElementsAre(5, 6, 1, 2, 5, 6, 3, 4));
  EXPECT_EQ(vocabulary_of(network), 3);
  EXPECT_EQ(refusal(Embedding{3, 2}, {4}), "embedding1: expects tokens i64[batch, time], got f32[1, 4]");
}

TEST(PositionalEncoding, AddsWaves) {
  const auto y = run_network(around(PositionalEncoding{}, {2, 4}), {{"x", Tensor(DType::f32, {1, 2, 4})}}).at("y");
  const std::vector<float> expected{0, 1, 0, 1, std::sin(1.0F), std::cos(1.0F), std::sin(0.01F), std::cos(0.01F)};
  EXPECT_THAT(y, Pointwise(FloatNear(1e-6F), expected));
}

TEST(LearnedPositions, ServeShorterSequences) {
  Network network = around(LearnedPositions{.length = 3}, {2, 2});
  network.set_parameter("learned_positions1.weight", matrix_of({3, 2}, {1, 2, 3, 4, 5, 6}));
  EXPECT_THAT(run_network(network, {{"x", Tensor(DType::f32, {1, 2, 2})}}).at("y"), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(refusal(LearnedPositions{.length = 1}, {2, 2}),
            "learned_positions1: a sequence of 2 steps is longer than length = 1; give it more, or cut the sequences");
}

TEST(OverTime, TakesTheLastStepTheMeanOrWhatAgrees) {
  const Tensor x = matrix_of({2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  EXPECT_THAT(run_network(around(LastStep{}, {3, 2}), {{"x", x}}).at("y"), ElementsAre(5, 6, 11, 12));
  EXPECT_THAT(run_network(around(MeanOverTime{}, {3, 2}), {{"x", x}}).at("y"), ElementsAre(3, 4, 9, 10));
  const std::vector<float> mean{3, 4, 9, 10};
  EXPECT_THAT(run_network(around(AttentionPool{}, {3, 2}), {{"x", x}}).at("y"), Pointwise(FloatNear(1e-5F), mean));
  Network pool = around(AttentionPool{}, {3, 2});
  pool.set_parameter("attention_pool1.weight", matrix_of({2}, {50, 0}));
  const std::vector<float> last{5, 6, 11, 12};
  EXPECT_THAT(run_network(pool, {{"x", x}}).at("y"), Pointwise(FloatNear(1e-5F), last));
}

TEST(OverTime, LeavesPaddingOut) {
  const Tensor x = matrix_of({3, 3, 2}, {1, 2, 3, 4, 90, 91, 7, 8, 9, 10, 11, 12, 92, 93, 94, 95, 96, 97});
  const Tensor mask = mask_of({3, 3}, {true, true, false, false, true, true, false, false, false});
  const std::map<std::string, Tensor> inputs{{"x", x}, {"mask", mask}};
  EXPECT_THAT(run_network(around(LastStep{}, {3, 2}, true), inputs).at("y"), ElementsAre(3, 4, 11, 12, 0, 0));
  EXPECT_THAT(run_network(around(MeanOverTime{}, {3, 2}, true), inputs).at("y"), ElementsAre(2, 3, 10, 11, 0, 0));
  const std::vector<float> expected{2, 3, 10, 11, 0, 0};
  EXPECT_THAT(run_network(around(AttentionPool{}, {3, 2}, true), inputs).at("y"), Pointwise(FloatNear(1e-5F), expected));
}

/// How a network is told that step 1, or all behind step 0, of the first of two sequences of three steps is padding.
enum class Told { mask, lengths, pairs };

using Given = std::vector<std::pair<std::string, Tensor>>;

/// The outputs of a network in training, and the slopes of its input x and all weights.
std::vector<float> slopes_of(const Network& network, const Given& inputs) {
  Graph graph(network.table());
  network.build(graph, 2, Mode::training);
  std::vector<Value> weights{graph.find("x")};
  for (const auto& [name, type] : network.trained_parameters()) weights.push_back(graph.find(name));
  const TensorType type = graph.find("y").type();
  const auto results = gradients(graph.find("y"), weights, graph.input("dy", type));
  for (std::size_t i = 0; i < results.size(); ++i) graph.output("slope" + std::to_string(i), results[i]);
  auto store = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
  Plan plan = compile(graph, store);
  for (const auto& [name, tensor] : inputs) plan.input(name).assign(tensor);
  plan.input("dy").assign(waves(type.shape, 2));
  plan.run();
  std::vector<float> all;
  for (const NamedOutput& output : graph.outputs()) {
    const auto values = plan.output(output.name).values<float>();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

/// The same of layers one upon the other, each with the mask if it takes one.
std::vector<float> slopes_with(const std::vector<Layer>& layers, Told told, float padding) {
  Network network;
  Network::Tap tap = network.input("x", {3, 4});
  const Network::Tap mask = told == Told::lengths
                                ? network.input("mask", {}, DType::i64)
                                : network.input("mask", told == Told::mask ? Shape{3} : Shape{3, 3}, DType::boolean);
  for (const Layer& layer : layers) tap = network.add(layer, layer.takes_mask() ? std::vector{tap, mask} : std::vector{tap});
  network.output("y", tap);
  network.initialize(1);
  Tensor x = waves({2, 3, 4});
  std::fill_n(x.values<float>().begin() + 4, told == Told::lengths ? 8 : 4, padding);
  const Tensor masks[] = {mask_of({2, 3}, {true, false, true, true, true, true}), Tensor::of<std::int64_t>({2}, {1, 3}),
                          mask_of({2, 3, 3}, {true, false, true, false, false, false, true, false, true,  //
                                              true, true, true, true, true, true, true, true, true})};
  return slopes_of(network, {{"x", x}, {"mask", masks[static_cast<int>(told)]}});
}

/// NaN or Inf in a step that is left out reaches no output and no weight, not even those of layers before the first that knows it.
TEST(Padding, ReachesNoWeightWhateverItIs) {
  const MultiHeadAttention attention{.heads = 2};
  const TransformerEncoder block{.heads = 2};
  const TemporalConv causal{.filters = 4, .kernel = 2, .dilation = 2};
  const TemporalConv both_ways{.filters = 4, .kernel = 3, .causal = false};
  const Dense dense{.units = 4, .activation = "tanh"};
  const Lstm lstm{.hidden = 4, .bidirectional = true, .return_sequences = true};
  const auto expect_same = [](const std::vector<Layer>& layers, Told told) {
    const auto zeros = slopes_with(layers, told, 0);
    for (const float value : zeros) ASSERT_TRUE(std::isfinite(value)) << layers.front().kind();
    for (const float padding : {NAN, INFINITY, 1e5F}) EXPECT_EQ(slopes_with(layers, told, padding), zeros) << layers.front().kind();
  };
  for (const std::vector<Layer>& layers : {std::vector<Layer>{attention, MeanOverTime{}},
                                           {block, LastStep{}},
                                           {block, MeanOverTime{}},
                                           {AttentionPool{}},
                                           {LastStep{}},
                                           {causal},
                                           {both_ways, causal},
                                           {dense, attention, MeanOverTime{}},
                                           {dense, LayerNorm{}, lstm},
                                           {LayerNorm{}, dense, causal, dense, MeanOverTime{}},
                                           {PositionalEncoding{}, dense, block, AttentionPool{}}}) {
    expect_same(layers, Told::mask);
    expect_same(layers, Told::lengths);
  }
  for (const std::vector<Layer>& layers : {std::vector<Layer>{attention}, {block}, {dense, attention}, {dense, block, dense}}) {
    expect_same(layers, Told::pairs);
  }
}

/// Queries and what they look at have as many steps, and each a padding of their own, told at once or by a layer behind.
enum class Queries { mask, lengths, told_behind };

Network reader_of(const Layer& layer, Queries queries, bool pairs) {
  Network network;
  const auto x = network.input("x", {3, 4}), memory = network.input("memory", {3, 4});
  const auto seen = pairs ? network.input("seen", {3, 3}, DType::boolean) : network.input("seen", {}, DType::i64);
  const auto steps =
      queries == Queries::mask ? network.input("steps", {3}, DType::boolean) : network.input("steps", {}, DType::i64);
  const Dense dense{.units = 4, .activation = "tanh"};
  std::vector<Network::Tap> from{network.add(dense, x), pairs ? memory : network.add(dense, memory), seen};
  if (queries != Queries::told_behind) from.push_back(steps);
  const auto read = network.add(dense, network.add(layer, from));
  network.output("y", network.add(MeanOverTime{}, {read, steps}));
  network.initialize(1);
  return network;
}

TEST(Padding, OfQueriesReachesNoWeight) {
  for (const Layer& layer : {Layer(MultiHeadAttention{.heads = 2}), Layer(TransformerDecoder{.heads = 2})}) {
    for (const Queries queries : {Queries::mask, Queries::lengths, Queries::told_behind}) {
      for (const bool pairs : {false, true}) {
        const bool gap = queries == Queries::mask;
        const auto slopes = [&](float padding, float unseen) {
          Tensor x = waves({2, 3, 4}), memory = waves({2, 3, 4}, 3);
          std::fill_n(x.values<float>().begin() + (gap ? 4 : 8), 4, padding);
          std::fill_n(memory.values<float>().begin() + 20, 4, unseen);
          return slopes_of(
              reader_of(layer, queries, pairs),
              {{"x", x},
               {"memory", memory},
               {"seen", pairs ? mask_of({2, 3, 3}, {true, false, true, true, true, true, false, true, true,  //
                                                    true, true, false, false, true, false, true, true, false})
                              : Tensor::of<std::int64_t>({2}, {3, 2})},
               {"steps", gap ? mask_of({2, 3}, {true, false, true, true, true, true}) : Tensor::of<std::int64_t>({2}, {2, 3})}});
        };
        const auto zeros = slopes(0, 0);
        for (const float value : zeros) ASSERT_TRUE(std::isfinite(value)) << layer.kind();
        for (const float padding : {NAN, INFINITY, 1e5F}) {
          EXPECT_EQ(slopes(padding, padding), zeros) << layer.kind() << static_cast<int>(queries) << pairs;
        }
      }
    }
  }
}

/// What a layer behind says of the queries is nothing of what they look at.
TEST(Padding, OfQueriesLeavesTheirSourceAlone) {
  Network network;
  const auto x = network.input("x", {3, 4}), memory = network.input("memory", {3, 4});
  const auto read = network.add(MultiHeadAttention{.heads = 2}, {x, memory});
  network.output("y", network.add(LastStep{}, {read, network.input("steps", {}, DType::i64)}));
  network.initialize(1);
  Tensor memory_values = waves({1, 3, 4});
  const auto last = [&] {
    return run_network(network,
                       {{"x", waves({1, 3, 4}, 2)}, {"memory", memory_values}, {"steps", Tensor::of<std::int64_t>({1}, {2})}})
        .at("y");
  };
  const auto before = last();
  memory_values.values<float>()[11] += 1;  // of the third step, which x does not have
  EXPECT_NE(last(), before);
}

/// A sequence that is written while another is read gives, filled up, what it gives alone; gaps are not looked at.
TEST(TransformerDecoder, TakesAMaskOfItsOwnSteps) {
  const TransformerDecoder decoder{.heads = 2, .rotary = false};
  Network padded;
  const auto x = padded.input("x", {4, 4}), memory = padded.input("memory", {2, 4});
  const auto seen = padded.input("seen", {2}, DType::boolean), steps = padded.input("steps", {4}, DType::boolean);
  padded.output("y", padded.add(decoder, {x, memory, seen, steps}));
  padded.initialize(1);
  Network alone;
  const auto own = alone.input("x", {2, 4});
  const auto other = alone.input("memory", {2, 4});
  alone.output("y", alone.add(decoder, {own, other}));
  alone.initialize(1);
  const Tensor values = waves({1, 2, 4}), memory_values = waves({1, 2, 4}, 3);
  const auto expected = run_network(alone, {{"x", values}, {"memory", memory_values}}).at("y");
  std::vector<float> filled(16, NAN);
  std::ranges::copy(values.values<float>().first(4), filled.begin());
  std::ranges::copy(values.values<float>().subspan(4), filled.begin() + 8);
  const auto found = run_network(padded, {{"x", matrix_of({1, 4, 4}, filled)},
                                          {"memory", memory_values},
                                          {"seen", mask_of({1, 2}, {true, true})},
                                          {"steps", mask_of({1, 4}, {true, false, true, false})}})
                         .at("y");
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(found[i], expected[i], 1e-6);
    EXPECT_NEAR(found[8 + i], expected[4 + i], 1e-6);
  }
}

TEST(Padding, IsToldByAMaskOrByLengths) {
  const Tensor x = waves({2, 3, 4});
  for (const Layer& layer : {Layer(MultiHeadAttention{.heads = 2}), Layer(TransformerEncoder{}), Layer(TemporalConv{.filters = 2}),
                             Layer(LastStep{}), Layer(MeanOverTime{}), Layer(AttentionPool{}), Layer(Gru{.hidden = 3})}) {
    const auto masked =
        run_network(around(layer, {3, 4}, true), {{"x", x}, {"mask", mask_of({2, 3}, {true, true, false, true, true, true})}});
    for (const DType dtype : {DType::i64, DType::i32}) {
      Network network;
      const auto sequences = network.input("x", {3, 4});
      network.output("y", network.add(layer, {sequences, network.input("lengths", {}, dtype)}));
      network.initialize(1);
      EXPECT_EQ(run_network(network, {{"x", x}, {"lengths", Tensor::of<std::int64_t>({2}, {2, 3}).cast(dtype)}}), masked)
          << layer.kind();
      EXPECT_EQ(message_of([&] {
                  run_network(network, {{"x", x}, {"lengths", Tensor::of<std::int64_t>({2}, {2, 4}).cast(dtype)}});
                }),
                "lengths: sequence 1 (from 0) has length 4, but the data has 3 steps; expected 0 to 3")
          << layer.kind();
    }
  }
  EXPECT_EQ(message_of([] {
              Network network;
              const auto sequences = network.input("x", {3, 4});
              network.output("y", network.add(MeanOverTime{}, {sequences, network.input("mask", {2}, DType::boolean)}));
              network.initialize(1);
            }),
            "mean_over_time1: expects a mask bool[1, 3] or lengths i64[1], got bool[1, 2]");
}

TEST(TemporalConv, SeesThisStepAndThoseBeforeIt) {
  Network network = around(TemporalConv{.filters = 1, .kernel = 2, .dilation = 2}, {5, 2});
  network.set_parameter("temporal_conv1.weight",
                        matrix_of({1, 2, 2}, {10, 1, 0, 100}));  // channel 0 two steps ago and now; channel 1 now
  const Tensor x = matrix_of({1, 5, 2}, {1, 0, 2, 0, 3, 0, 4, 1, 5, 0});
  EXPECT_THAT(run_network(network, {{"x", x}}).at("y"), ElementsAre(1, 2, 13, 124, 35));
  network = around(TemporalConv{.filters = 1, .kernel = 3, .causal = false}, {3, 1});
  network.set_parameter("temporal_conv1.weight", matrix_of({1, 1, 3}, {1, 10, 100}));
  EXPECT_THAT(run_network(network, {{"x", matrix_of({1, 3, 1}, {1, 2, 3})}}).at("y"), ElementsAre(210, 321, 32));
  EXPECT_EQ(refusal(TemporalConv{.filters = 0}, {5, 2}), "temporal_conv1: filters = 0 must be at least 1");
}

/// A sequence that is filled up gives what it gives alone, and 0 behind it.
TEST(TemporalConv, ReadsZeroWhereThereIsNoStep) {
  for (const bool causal : {true, false}) {
    for (const std::int64_t kernel : {1, 2, 3, 4}) {
      const TemporalConv layer{.filters = 2, .kernel = kernel, .dilation = 2, .causal = causal, .activation = "sigmoid"};
      Network padded;
      const auto x = padded.input("x", {8, 3});
      const auto lengths = padded.input("lengths", {}, DType::i64);
      padded.output("y", padded.add(layer, {padded.add(layer, {x, lengths}), lengths}));
      padded.initialize(1);
      Network alone = Sequential{{5, 3}, layer, layer};
      alone.initialize(1);
      const Tensor sequence = waves({1, 5, 3});
      const auto expected = run_network(alone, {{"x", sequence}}).at("y");
      for (const float padding : {7.0F, NAN}) {
        std::vector<float> filled(24, padding);
        std::ranges::copy(sequence.values<float>(), filled.begin());
        const auto found =
            run_network(padded, {{"x", matrix_of({1, 8, 3}, filled)}, {"lengths", Tensor::of<std::int64_t>({1}, {5})}}).at("y");
        for (std::size_t i = 0; i < found.size(); ++i) {
          EXPECT_NEAR(found[i], i < expected.size() ? expected[i] : 0, 1e-6) << kernel << (causal ? " causal " : " ") << i;
        }
      }
    }
  }
}

TEST(Dense, SeesEachStepAlone) {
  Network network = around(Dense{.units = 1}, {3, 2});
  network.set_parameter("dense1.weight", matrix_of({1, 2}, {1, 10}));
  EXPECT_THAT(run_network(network, {{"x", matrix_of({1, 3, 2}, {1, 2, 3, 4, 5, 6})}}).at("y"), ElementsAre(21, 43, 65));
}

}  // namespace
}  // namespace neurons
