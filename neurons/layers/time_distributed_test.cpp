#include "neurons/layers/time_distributed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "neurons/base/testing.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/run_network_testing.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;

Tensor drawn(const Shape& shape) {
  RandomStream random(3);
  Tensor result(DType::f32, shape);
  for (float& value : result.values<float>()) value = static_cast<float>(random.normal());
  return result;
}

std::vector<Layer> picture_layers() { return {Conv2d{4, 3, Padding::same}, Relu{}, MaxPool2d{2}, Flatten{}, Dense{3}}; }

Network each_step(const Shape& sample, const std::vector<Layer>& body) {
  Network network;
  network.output("y", TimeDistributed{body}.add_to(network, {network.input("x", sample)}));
  return network;
}

/// The parameters of `network` under the names that a network of the plain layers gives them.
void take_parameters(Network& plain, const Network& network, const std::string& prefix) {
  for (const auto& [name, type] : plain.parameter_types()) plain.set_parameter(name, network.parameter(prefix + name));
}

TEST(TimeDistributed, MakesOfEachStepWhatItsLayersMakeOfASample) {
  Network network = each_step({4, 2, 6, 5}, picture_layers());
  network.initialize(1);
  Sequential plain({2, 6, 5}, picture_layers());
  take_parameters(plain, network, "time_distributed1.");
  const Tensor films = drawn({3, 4, 2, 6, 5});
  const auto of_films = testing::run_network(network, {{"x", films}}).at("y");
  const auto of_pictures = testing::run_network(plain, {{"x", films.reshaped({12, 2, 6, 5})}}).at("y");
  EXPECT_EQ(of_films, of_pictures);
  EXPECT_EQ(of_films.size(), 3U * 4 * 3);
}

TEST(TimeDistributed, StandsInASequence) {
  const Sequential network{
      {4, 2, 6, 5}, TimeDistributed{picture_layers()}, Lstm{.hidden = 3, .return_sequences = true}, TimeDistributed{{Dense{2}}}};
  EXPECT_EQ(network.layers().back().name, "time_distributed2.unfold_time");
  Graph graph(network.table());
  EXPECT_EQ(network.build(graph, 3, Mode::inference).back().shape(), Shape({3, 4, 2}));
}

TEST(TimeDistributed, NamesItsLayersAfterTheBlock) {
  Network network;
  auto x = network.input("x", {3, 4});
  x = TimeDistributed{{Dense{4}, Relu{}, Dense{2}}}.add_to(network, {x});
  x = TimeDistributed{{Dense{2}}}.add_to(network, {x}, "again");
  network.output("y", TimeDistributed{{Dense{2}}}.add_to(network, {x}));
  std::vector<std::string> names;
  for (const auto& layer : network.layers()) names.push_back(layer.name);
  EXPECT_THAT(names, ElementsAre("time_distributed1.fold_time", "time_distributed1.dense1", "time_distributed1.relu1",
                                 "time_distributed1.dense2", "time_distributed1.unfold_time", "again.fold_time", "again.dense1",
                                 "again.unfold_time", "time_distributed2.fold_time", "time_distributed2.dense1",
                                 "time_distributed2.unfold_time"));
  EXPECT_EQ(network.freeze("time_distributed1.*"), 4);
}

/// Layers that act on the last axis anyway run the same kernels, no more.
TEST(TimeDistributed, FoldingCostsNothing) {
  const auto steps_of = [](Network network) {
    network.initialize(1);
    Graph graph(network.table());
    network.build(graph, 5, Mode::inference);
    const Plan plan = compile(graph, std::make_shared<StateStore>(network.table()));
    std::vector<std::string> kernels;
    for (const PlanStep& step : plan.steps()) kernels.push_back(step.kernel);
    return kernels;
  };
  const std::vector<std::string> without = steps_of(Sequential({7, 4}, Dense{8, "relu"}, Dense{3}));
  EXPECT_FALSE(without.empty());
  EXPECT_EQ(steps_of(each_step({7, 4}, {Dense{8, "relu"}, Dense{3}})), without);
}

TEST(TimeDistributed, FeedsRecurrentLayersAndTokens) {
  Network network;
  const auto words = network.input("x", {3, 6}, DType::i64);  // sequences of three words of six letters
  const auto vectors = TimeDistributed{{Embedding{.vocabulary = 9, .width = 4}, Lstm{.hidden = 5}}}.add_to(network, {words});
  network.output("y", network.add(Gru{.hidden = 2}, vectors));
  network.initialize(1);
  const Tensor letters = Tensor::of<std::int64_t>({1, 3, 6}, {1, 2, 3, 4, 5, 6, 0, 0, 1, 1, 8, 8, 7, 6, 5, 4, 3, 2});
  EXPECT_EQ(testing::run_network(network, {{"x", letters}}).at("y").size(), 2U);
}

/// A padded step changes nothing, NaN included, and gives 0.
TEST(TimeDistributed, StepsThatDoNotExistAreZeros) {
  Network network;
  const auto x = network.input("x", {3, 1, 4, 4});
  const auto mask = network.input("mask", {3}, DType::boolean);
  network.output("y", TimeDistributed{{Conv2d{2, 3, Padding::same}, GlobalAveragePool{}, Dense{2}}}.add_to(network, {x, mask}));
  network.initialize(1);
  Tensor films = drawn({2, 3, 1, 4, 4});
  Tensor exists(DType::boolean, {2, 3});
  for (const std::size_t step : {0U, 1U, 3U}) exists.bytes()[step] = std::byte{1};
  const auto before = testing::run_network(network, {{"x", films}, {"mask", exists}}).at("y");
  for (const std::size_t step : {2U, 4U, 5U})
    std::fill_n(films.values<float>().begin() + static_cast<std::ptrdiff_t>(step * 16), 16,
                std::numeric_limits<float>::quiet_NaN());
  const auto after = testing::run_network(network, {{"x", films}, {"mask", exists}}).at("y");
  EXPECT_EQ(before, after);
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_EQ(after[i] == 0, i / 2 == 2 || i / 2 == 4 || i / 2 == 5) << i;
}

TEST(TimeDistributed, SaysWhatDoesNotFit) {
  const auto refusal = [](const Shape& sample, const TimeDistributed& block) {
    return message_of([&] {
      Network network;
      network.output("y", block.add_to(network, {network.input("x", sample)}));
      network.parameter_types();
    });
  };
  EXPECT_EQ(refusal({3, 2}, {}), "time_distributed1: its body has no layers");
  EXPECT_EQ(refusal({4}, {{Dense{2}}}), "time_distributed1.fold_time: expects sequences [batch, time, …], got f32[1, 4]");
  EXPECT_THAT(refusal({3, 4}, {{Conv2d{2, 3}}}), HasSubstr("time_distributed1.conv2d1: "));
  EXPECT_EQ(message_of([] {
              Network network;
              const auto x = network.input("x", {3, 4});
              network.output("y", network.add(UnfoldTime{}, {x, x}));
              network.parameter_types();
            }),
            "unfold_time1: the layers before it give [1, 3, 4], not a row for each step of [1, 3, 4]");
  EXPECT_EQ(message_of([] {
              Network network;
              const auto x = network.input("x", {3, 4});
              network.output("y", TimeDistributed{{Dense{2}}}.add_to(network, {x, network.input("mask", {2}, DType::boolean)}));
              network.parameter_types();
            }),
            "time_distributed1.fold_time: expects a mask bool[1, 3] or lengths i64[1], got bool[1, 2]");
}

}  // namespace
}  // namespace neurons
