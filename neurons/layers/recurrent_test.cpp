#include "neurons/layers/recurrent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "neurons/base/testing.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/run_network_testing.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/layers/summary.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using ::testing::Not;
using testing::run_network;

Tensor random_numbers(const Shape& shape, std::uint64_t seed) {
  Tensor tensor(DType::f32, shape);
  RandomStream random(seed);
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.normal());
  return tensor;
}

/// A layer called "layer" on x [4, 3] and, if `padded`, lengths; its parameters drawn.
Network on_sequences(const Layer& layer, bool padded) {
  Network network;
  std::vector<Network::Tap> inputs{network.input("x", {4, 3})};
  if (padded) inputs.push_back(network.input("lengths", {}, DType::i64));
  network.output("y", network.add(layer, inputs, "layer"));
  network.initialize(5);
  return network;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// h after each step of one sequence, by plain loops. `gates` are rows of sums in the parameters' order.
template <typename Cell>
std::vector<double> steps_of(const Network& network, const Tensor& x, std::int64_t hidden, std::int64_t gates, Cell cell) {
  const auto w = network.parameter("layer.weight").values<float>();
  const auto r = network.parameter("layer.recurrent_weight").values<float>();
  const auto b = network.parameter("layer.bias").values<float>();
  const auto inputs = x.values<float>();
  std::vector<double> h(static_cast<std::size_t>(hidden), 0);
  std::vector<double> c = h;
  std::vector<double> all;
  for (std::size_t t = 0; t < 4; ++t) {
    std::vector<double> own, recurrent;
    for (std::size_t row = 0; row < static_cast<std::size_t>(gates * hidden); ++row) {
      double sum = static_cast<double>(b[row]);
      for (std::size_t k = 0; k < 3; ++k) sum += static_cast<double>(w[row * 3 + k]) * static_cast<double>(inputs[t * 3 + k]);
      own.push_back(sum);
      sum = 0;
      for (std::size_t k = 0; k < h.size(); ++k) sum += static_cast<double>(r[row * h.size() + k]) * h[k];
      recurrent.push_back(sum);
    }
    const std::vector<double> old = h;
    for (std::size_t u = 0; u < h.size(); ++u) cell(own, recurrent, u, old[u], h[u], c[u]);
    all.insert(all.end(), h.begin(), h.end());
  }
  return all;
}

void expect_steps_near(const std::vector<float>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(static_cast<double>(found[i]), expected[i], 1e-5) << i;
}

TEST(Lstm, FollowsItsEquations) {
  Lstm layer{.hidden = 5, .return_sequences = true};
  const Network network = on_sequences(layer, false);
  const Tensor x = random_numbers({1, 4, 3}, 1);
  const auto cell = [](const auto& own, const auto& recurrent, std::size_t u, double, double& h, double& c) {
    const auto sum = [&](std::size_t gate) { return own[gate * 5 + u] + recurrent[gate * 5 + u]; };
    c = sigmoid(sum(2)) * c + sigmoid(sum(0)) * std::tanh(sum(3));
    h = sigmoid(sum(1)) * std::tanh(c);
  };
  expect_steps_near(run_network(network, {{"x", x}}).at("y"), steps_of(network, x, 5, 4, cell));
}

TEST(Gru, FollowsItsEquations) {
  Gru layer{.hidden = 5, .return_sequences = true};
  Network network = on_sequences(layer, false);
  network.set_parameter("layer.recurrent_bias", random_numbers({5}, 8));
  const auto bias = network.parameter("layer.recurrent_bias").values<float>();
  const Tensor x = random_numbers({1, 4, 3}, 1);
  const auto cell = [&](const auto& own, const auto& recurrent, std::size_t u, double old, double& h, double&) {
    const double z = sigmoid(own[u] + recurrent[u]);
    const double r = sigmoid(own[5 + u] + recurrent[5 + u]);
    const double n = std::tanh(own[10 + u] + r * (recurrent[10 + u] + static_cast<double>(bias[u])));
    h = (1 - z) * n + z * old;
  };
  expect_steps_near(run_network(network, {{"x", x}}).at("y"), steps_of(network, x, 5, 3, cell));
}

TEST(SimpleRnn, FollowsItsEquations) {
  for (const std::string activation : {"tanh", "relu"}) {
    SimpleRnn layer{.hidden = 6, .return_sequences = true};
    layer.activation = activation;
    const Network network = on_sequences(layer, false);
    const Tensor x = random_numbers({1, 4, 3}, 1);
    const auto cell = [&](const auto& own, const auto& recurrent, std::size_t u, double, double& h, double&) {
      const double sum = own[u] + recurrent[u];
      h = activation == "relu" ? std::max(sum, 0.0) : std::tanh(sum);
    };
    expect_steps_near(run_network(network, {{"x", x}}).at("y"), steps_of(network, x, 6, 1, cell));
  }
}

TEST(Recurrent, GivesTheLastStepThatExists) {
  Lstm all{.hidden = 5, .return_sequences = true};
  const Tensor x = random_numbers({3, 4, 3}, 1);
  const Tensor lengths = Tensor::of<std::int64_t>({3}, {4, 2, 1});
  const auto steps = run_network(on_sequences(all, true), {{"x", x}, {"lengths", lengths}}).at("y");
  const auto last = run_network(on_sequences(Lstm{.hidden = 5}, true), {{"x", x}, {"lengths", lengths}}).at("y");
  const auto without = run_network(on_sequences(all, false), {{"x", x}}).at("y");
  for (std::size_t row = 0; row < 3; ++row) {
    const auto length = static_cast<std::size_t>(lengths.values<std::int64_t>()[row]);
    for (std::size_t u = 0; u < 5; ++u) {
      EXPECT_EQ(last[row * 5 + u], steps[(row * 4 + length - 1) * 5 + u]);
      for (std::size_t t = 0; t < 4; ++t) {
        EXPECT_EQ(steps[(row * 4 + t) * 5 + u], t < length ? without[(row * 4 + t) * 5 + u] : 0.0F);
      }
    }
  }
}

/// A bidirectional layer's halves are layers of their own, the second on the sequence reversed.
TEST(Recurrent, ReadsInBothDirections) {
  const Lstm both{.hidden = 5, .bidirectional = true, .return_sequences = true};
  const Network network = on_sequences(both, false);
  Lstm single{.hidden = 5, .return_sequences = true};
  Network backward = on_sequences(single, false);
  for (const std::string name : {"weight", "recurrent_weight", "bias"}) {
    backward.set_parameter("layer." + name, network.parameter("layer." + name + "_reverse"));
  }
  const Tensor x = random_numbers({1, 4, 3}, 1);
  Tensor reversed = x;
  for (std::size_t t = 0; t < 4; ++t)
    std::copy_n(x.values<float>().begin() + 3 * (3 - static_cast<std::ptrdiff_t>(t)), 3,
                reversed.values<float>().begin() + 3 * static_cast<std::ptrdiff_t>(t));
  const auto y = run_network(network, {{"x", x}}).at("y");
  const auto half = run_network(backward, {{"x", reversed}}).at("y");
  for (std::size_t t = 0; t < 4; ++t) {
    for (std::size_t u = 0; u < 5; ++u) EXPECT_EQ(y[t * 10 + 5 + u], half[(3 - t) * 5 + u]);
  }
}

TEST(Recurrent, StacksLayers) {
  const Gru two{.hidden = 5, .layers = 2};
  const Network network = on_sequences(two, false);
  Gru sequences{.hidden = 5, .return_sequences = true};
  Sequential apart({4, 3}, sequences, Gru{.hidden = 5});
  apart.initialize(1);
  for (const std::string name : {"weight", "recurrent_weight", "bias", "recurrent_bias"}) {
    apart.set_parameter("gru1." + name, network.parameter("layer." + name));
    apart.set_parameter("gru2." + name, network.parameter("layer." + name + "_2"));
  }
  const Tensor x = random_numbers({2, 4, 3}, 1);
  EXPECT_EQ(run_network(network, {{"x", x}}).at("y"), run_network(apart, {{"x", x}}).at("y"));
}

TEST(Recurrent, DropsBetweenLayersInTraining) {
  Lstm layer{.hidden = 5};
  layer.dropout = 0.5F;
  const auto ops = [](const Lstm& described, Mode mode) {
    const Network network = on_sequences(described, false);
    Graph graph(network.table());
    network.build(graph, 2, mode);
    return std::ranges::count_if(graph.nodes(), [](const Node& node) { return node.op->name == "Dropout"; });
  };
  EXPECT_EQ(ops(layer, Mode::training), 0);
  layer.layers = 3;
  EXPECT_EQ(ops(layer, Mode::training), 2);
  EXPECT_EQ(ops(layer, Mode::inference), 0);
}

TEST(Lstm, BeginsToRemember) {
  const Network network = on_sequences(Lstm{.hidden = 3}, false);
  const auto bias = network.parameter("layer.bias").values<float>();
  EXPECT_THAT(std::vector<float>(bias.begin(), bias.end()), ElementsAre(0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0));
  const auto r = network.parameter("layer.recurrent_weight").values<float>();  // columns are orthonormal
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t b = 0; b < 3; ++b) {
      double product = 0;
      for (std::size_t row = 0; row < 12; ++row)
        product += static_cast<double>(r[row * 3 + a]) * static_cast<double>(r[row * 3 + b]);
      EXPECT_NEAR(product, a == b ? 1 : 0, 1e-5);
    }
  }
}

/// A padded step reaches no parameter, and nothing reaches a padded step.
TEST(Recurrent, PaddingHasNoGradient) {
  for (const Layer& layer : {Layer(Lstm{.hidden = 5}), Layer(Gru{.hidden = 5}), Layer(Gru{.hidden = 5, .reset_after = false}),
                             Layer(SimpleRnn{.hidden = 5})}) {
    const Network network = on_sequences(layer.with({{"bidirectional", true}, {"return_sequences", true}}), true);
    const auto slopes = [&](float padding) {
      Graph graph(network.table());
      network.build(graph, 2, Mode::training);
      std::vector<std::string> names{"x"};
      for (const auto& [name, type] : network.trained_parameters()) names.push_back(name);
      std::vector<Value> wanted;
      for (const std::string& name : names) wanted.push_back(graph.find(name));
      const auto results = gradients(graph.find("y"), wanted, graph.input("cotangent", graph.find("y").type()));
      for (std::size_t i = 0; i < names.size(); ++i) graph.output(names[i] + "#slope", results[i]);
      auto store = std::make_shared<StateStore>(network.table());
      for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
      Plan plan = compile(graph, store);
      Tensor x = random_numbers({2, 4, 3}, 1);
      std::fill_n(x.values<float>().begin() + 6, 6, padding);  // steps 2 and 3 of the first sequence
      plan.input("x").assign(x);
      plan.input("lengths").assign(Tensor::of<std::int64_t>({2}, {2, 4}));
      plan.input("cotangent").assign(random_numbers({2, 4, 10}, 2));
      plan.run();
      std::vector<std::vector<float>> all;
      for (const std::string& name : names) {
        const auto values = plan.output(name + "#slope").values<float>();
        all.emplace_back(values.begin(), values.end());
      }
      return all;
    };
    const auto zeros = slopes(0);
    for (const float padding : {1e5F, NAN, INFINITY}) EXPECT_EQ(zeros, slopes(padding)) << layer.kind() << " " << padding;
    for (std::size_t i = 6; i < 12; ++i) EXPECT_EQ(zeros[0][i], 0.0F) << layer.kind();
    EXPECT_NE(zeros[0][5], 0.0F);
    EXPECT_NE(zeros[0][23], 0.0F);
  }
}

/// Weights stay in the form that the kernels want: a plan packs and separates nothing.
TEST(Recurrent, ReadsItsWeightsAsTheyAreStored) {
  for (const Layer& layer : {Layer(Lstm{.hidden = 20}), Layer(SimpleRnn{.hidden = 20})}) {
    const Network network = on_sequences(layer, false);
    Graph graph(network.table());
    network.build(graph, 2, Mode::inference);
    auto store = std::make_shared<StateStore>(network.table());
    for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
    const Plan plan = compile(graph, store);
    std::vector<std::string> ops;
    for (const PlanStep& step : plan.steps()) {
      if (step.op != "Reshape") ops.push_back(step.op);
    }
    EXPECT_THAT(ops, ElementsAre("Transpose", "WeightedSum", HasSubstr("Steps"))) << layer.kind();
  }
}

TEST(Recurrent, TakesEmptyBatches) {
  EXPECT_THAT(run_network(on_sequences(Lstm{.hidden = 5}, false), {{"x", Tensor(DType::f32, {0, 4, 3})}}).at("y"),
              ::testing::IsEmpty());
}

TEST(Recurrent, CountsItsWork) {
  Sequential network({4, 3}, Lstm{.hidden = 5});
  const auto layers = summarize(network);
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_EQ(layers[0].kind, "lstm");
  EXPECT_EQ(layers[0].parameters, 20 * 3 + 20 * 5 + 20);
  EXPECT_EQ(layers[0].output, (Shape{5}));
  EXPECT_GE(layers[0].flops, 2 * 4 * 20 * (3 + 5));
}

TEST(Recurrent, SaysWhatDoesNotFit) {
  const auto build = [](const Shape& sample, const Layer& layer) {
    return message_of([&] {
      Network network;
      network.output("y", network.add(layer, network.input("x", sample), "lstm1"));
      network.initialize(1);
    });
  };
  EXPECT_THAT(build({784}, Lstm{.hidden = 5}),
              HasSubstr("lstm1: expects [batch, time, features], got [1, 784]; bring it to time steps first, for example "
                        "Reshape{{28, 28}}"));
  EXPECT_THAT(build({0, 3}, Lstm{.hidden = 5}), HasSubstr("lstm1: the sequences [1, 0, 3] are empty"));
  EXPECT_THAT(build({4, 3}, Lstm{.hidden = 0}), HasSubstr("lstm1: hidden = 0 must be at least 1"));
  EXPECT_THAT(build({4, 3}, Layer(Gru{.hidden = 5}).with({{"layers", std::int64_t{0}}})),
              HasSubstr("layers = 0 must be at least 1"));
  EXPECT_THAT(build({4, 3}, Layer(Gru{.hidden = 5}).with({{"dropout", 1.0}})), HasSubstr("dropout = 1 must be in [0, 1)"));
  EXPECT_THAT(build({4, 3}, Layer(SimpleRnn{.hidden = 5}).with({{"activation", std::string("elu")}})),
              HasSubstr("unknown activation \"elu\"; a simple recurrent layer takes \"tanh\" or \"relu\""));
  EXPECT_THAT(message_of([] {
                Network network;
                const auto x = network.input("x", {4, 3});
                network.output("y", network.add(Lstm{.hidden = 5}, {x, network.input("lengths", {2}, DType::i64)}, "lstm1"));
                network.initialize(1);
              }),
              HasSubstr("lstm1: expects the lengths of 1 sequences as i32 or i64, or a mask bool[1, 4], got i64[1, 2]"));
}

TEST(Recurrent, TakesAMaskForLengths) {
  Network masked;
  const auto sequences = masked.input("x", {4, 3});
  masked.output("y", masked.add(Gru{.hidden = 5}, {sequences, masked.input("mask", {4}, DType::boolean)}, "layer"));
  masked.initialize(5);
  const Tensor x = random_numbers({3, 4, 3}, 1);
  Tensor mask(DType::boolean, {3, 4});
  for (const std::size_t step : {0U, 1U, 2U, 3U, 4U, 5U}) mask.values<bool>()[step] = true;  // lengths 4, 2 and 0
  const Tensor lengths = Tensor::of<std::int64_t>({3}, {4, 2, 0});
  const auto y = run_network(masked, {{"x", x}, {"mask", mask}}).at("y");
  EXPECT_EQ(y, run_network(on_sequences(Gru{.hidden = 5}, true), {{"x", x}, {"lengths", lengths}}).at("y"));
  for (std::size_t u = 0; u < 5; ++u) EXPECT_EQ(y[10 + u], 0.0F);
}

/// Padding in front, between or of any value: what counts is the steps that exist, in their order.
TEST(Recurrent, ReadsWhatTheMaskLeavesWhereverPaddingIs) {
  const auto lstm = [](bool all) { return Lstm{.hidden = 5, .layers = 2, .bidirectional = true, .return_sequences = all}; };
  const auto masked = [&](bool all) {
    Network network;
    const auto sequences = network.input("x", {4, 3});
    network.output("y", network.add(lstm(all), {sequences, network.input("mask", {4}, DType::boolean)}, "layer"));
    network.initialize(5);
    return network;
  };
  Tensor x(DType::f32, {3, 4, 3});
  std::ranges::fill(x.values<float>(), NAN);
  Tensor ends(DType::f32, {3, 4, 3});
  Tensor mask(DType::boolean, {3, 4});
  const std::vector<std::vector<std::size_t>> there{{2, 3}, {0, 3}, {1}};
  const Tensor values = random_numbers({3, 4, 3}, 1);
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t i = 0; i < there[row].size(); ++i) {
      mask.values<bool>()[row * 4 + there[row][i]] = true;
      for (std::size_t f = 0; f < 3; ++f) {
        const float value = values.values<float>()[(row * 4 + i) * 3 + f];
        x.values<float>()[(row * 4 + there[row][i]) * 3 + f] = ends.values<float>()[(row * 4 + i) * 3 + f] = value;
      }
    }
  }
  const std::map<std::string, Tensor> at_end{{"x", ends}, {"lengths", Tensor::of<std::int64_t>({3}, {2, 2, 1})}};
  const std::map<std::string, Tensor> anywhere{{"x", x}, {"mask", mask}};
  EXPECT_EQ(run_network(masked(false), anywhere), run_network(on_sequences(lstm(false), true), at_end));
  const auto steps = run_network(masked(true), anywhere).at("y");
  const auto expected = run_network(on_sequences(lstm(true), true), at_end).at("y");
  for (std::size_t row = 0; row < 3; ++row) {
    std::vector<float> moved(4 * 10);
    for (std::size_t i = 0; i < there[row].size(); ++i) {
      std::copy_n(expected.begin() + static_cast<std::ptrdiff_t>((row * 4 + i) * 10), 10,
                  moved.begin() + static_cast<std::ptrdiff_t>(there[row][i] * 10));
    }
    const auto first = steps.begin() + static_cast<std::ptrdiff_t>(row * 40);
    EXPECT_EQ(std::vector<float>(first, first + 40), moved) << row;
  }
}

}  // namespace
}  // namespace neurons
