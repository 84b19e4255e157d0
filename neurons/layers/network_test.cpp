#include "neurons/layers/network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/dropout.hpp"
#include "neurons/layers/run_network_testing.hpp"
#include "neurons/layers/shapes.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::matrix_of;
using testing::message_of;
using ::testing::Pair;
using testing::run_network;

/// A dense layer without bias that is not drawn but constant.
Dense constant(std::int64_t units, float value) {
  Dense dense;
  dense.units = units;
  dense.bias = false;
  dense.initializer = "constant";
  dense.initializer_value = value;
  return dense;
}

TEST(Network, NamesLayersByKindAndNumber) {
  const Sequential network({4}, Dense{3}, Relu{}, Dense{2}, Relu{});
  std::vector<std::string> names;
  for (const auto& layer : network.layers()) names.push_back(layer.name);
  EXPECT_THAT(names, ElementsAre("dense1", "relu1", "dense2", "relu2"));
  EXPECT_EQ(network.inputs().front().name, "x");
  EXPECT_EQ(network.outputs().front().name, "y");
  EXPECT_EQ(network.name_of_call(0), "x");
  EXPECT_EQ(network.name_of_call(3), "dense2");
}

TEST(Network, AvoidsNamesThatAreTaken) {
  Network network;
  const auto x = network.input("x", {2});
  network.add(Dense{2}, x, "dense1");
  network.add(Dense{2}, x);
  EXPECT_EQ(network.layers()[1].name, "dense2");
}

TEST(Network, ListsItsParameters) {
  const Sequential network({4}, Dense{3}, PRelu{}, Dense{2, "identity", false});
  EXPECT_THAT(
      network.parameter_types(),
      ElementsAre(Pair("dense1.weight", TensorType{DType::f32, {3, 4}}), Pair("dense1.bias", TensorType{DType::f32, {3}}),
                  Pair("prelu1.slope", TensorType{DType::f32, {3}}), Pair("dense2.weight", TensorType{DType::f32, {2, 3}})));
  EXPECT_EQ(network.parameter_count(), 12 + 3 + 3 + 6);
}

TEST(Network, RunsSkips) {
  Network network;
  const auto x = network.input("x", {2});
  const auto h = network.add(constant(2, 1), x);  // both neurons give the sum of x
  network.output("sum", network.add(Add{}, {h, x}));
  network.output("product", network.add(Multiply{}, {h, x, x}));
  network.output("side by side", network.add(Concatenate{}, {x, h}));
  network.initialize(1);
  const auto outputs = run_network(network, {{"x", matrix_of({2, 2}, {1, 2, 3, -1})}});
  EXPECT_THAT(outputs.at("sum"), ElementsAre(4, 5, 5, 1));
  EXPECT_THAT(outputs.at("product"), ElementsAre(3, 12, 18, 2));
  EXPECT_THAT(outputs.at("side by side"), ElementsAre(1, 2, 3, 3, 3, -1, 2, 2));
}

TEST(Network, TakesSeveralInputsInAnyOrder) {
  Network network;
  const auto a = network.input("a", {2});
  const auto doubled = network.add(constant(1, 2), a);
  const auto b = network.input("b", {1});
  network.output("y", network.add(Add{}, {doubled, b}));
  network.initialize(1);
  EXPECT_EQ(network.name_of_call(2), "b");
  const auto outputs = run_network(network, {{"a", matrix_of({1, 2}, {1, 2})}, {"b", matrix_of({1, 1}, {10})}});
  EXPECT_THAT(outputs.at("y"), ElementsAre(16));
}

TEST(Network, SharesALayersParameters) {
  Network network;
  const auto x = network.input("x", {2});
  const auto once = network.add(constant(2, 0.5F), x, "mixer");
  network.output("y", network.share("mixer", {once}));
  network.initialize(1);
  EXPECT_EQ(network.parameters().size(), 1U);
  EXPECT_EQ(network.layers().size(), 1U);
  EXPECT_THAT(run_network(network, {{"x", matrix_of({1, 2}, {2, 4})}}).at("y"), ElementsAre(3, 3));
}

TEST(Network, IsAValue) {
  Sequential original({2}, Dense{1});
  original.initialize(1);
  Network copy = original;
  copy.set_parameter("dense1.bias", matrix_of({1}, {5}));
  EXPECT_EQ(original.parameter("dense1.bias").values<float>()[0], 0);
  EXPECT_EQ(copy.parameter("dense1.bias").values<float>()[0], 5);
}

TEST(Network, DrawsEachParameterFromTheSeedAndItsName) {
  Sequential one({3}, Dense{4}, Relu{}, Dense{2});
  Sequential other({3}, Dense{4}, Relu{}, Dense{2}, Dense{2});
  one.initialize(5);
  other.initialize(5);
  EXPECT_EQ(one.seed(), 5U);
  EXPECT_EQ(one.parameter("dense1.weight"), other.parameter("dense1.weight")) << "whatever follows later";
  EXPECT_NE(one.parameter("dense1.weight"), other.parameter("dense2.weight").reshaped({2, 4}).reshaped({2, 4}));
  other.initialize(6);
  EXPECT_NE(one.parameter("dense1.weight"), other.parameter("dense1.weight"));
  other.initialize(5);
  EXPECT_EQ(one.parameter("dense1.weight"), other.parameter("dense1.weight"));
}

TEST(Network, IsInitializedWhenEveryParameterHasAValue) {
  Sequential network({2}, Dense{3}, Dense{1});
  EXPECT_FALSE(network.initialized());
  const Tensor given = matrix_of({3, 2}, {1, 2, 3, 4, 5, 6});
  network.set_parameter("dense1.weight", given);
  EXPECT_FALSE(network.initialized()) << "three parameters are still missing";
  network.initialize_missing(3);
  EXPECT_TRUE(network.initialized());
  EXPECT_EQ(network.parameter("dense1.weight"), given) << "what was set stays";
  Sequential drawn({2}, Dense{3}, Dense{1});
  drawn.initialize(3);
  EXPECT_EQ(network.parameter("dense2.weight"), drawn.parameter("dense2.weight"));
  network.initialize(3);
  EXPECT_EQ(network.parameter("dense1.weight"), drawn.parameter("dense1.weight")) << "initialize draws all anew";
  EXPECT_TRUE((Sequential({2}, Relu{}).initialized())) << "nothing to draw";
}

TEST(Network, KeepsItsParametersWhenDrawingFails) {
  Network network;
  const auto x = network.input("x", {2});
  const auto h = network.add(Dense{3}, x);
  network.initialize(1);
  const Tensor before = network.parameter("dense1.weight");
  network.add(Reshape{{7}}, h);
  EXPECT_EQ(message_of([&] { network.initialize(2); }), "reshape1: [1, 3] has 3 elements a sample, the target [1, 7] takes 7");
  EXPECT_EQ(network.parameter("dense1.weight"), before);
  EXPECT_EQ(network.seed(), 1U);
}

TEST(Network, ChecksParametersThatAreSet) {
  Sequential network({2}, Dense{3});
  EXPECT_EQ(message_of([&] {
              network.set_parameter("dense1.wieght", Tensor(DType::f32, {3, 2}));
            }),
            "network: there is no parameter \"dense1.wieght\"; did you mean \"dense1.weight\"?");
  EXPECT_EQ(message_of([&] {
              network.set_parameter("dense1.weight", Tensor(DType::f32, {2, 3}));
            }),
            "network: parameter \"dense1.weight\" is f32[3, 2], got f32[2, 3]");
  EXPECT_EQ(message_of([&] { (void)network.parameter("dense1.bias"); }),
            "network: the parameter \"dense1.bias\" has no value yet; call initialize(seed), or train the network");
  network.initialize(1);
  EXPECT_EQ(message_of([&] {
              network.set_parameter("dense1.weight", Tensor(DType::f64, {3, 2}));
            }),
            "network: parameter \"dense1.weight\" is f32[3, 2], got f64[3, 2]");
  EXPECT_EQ(message_of([&] { (void)network.parameter("dense1.bia"); }),
            "network: there is no parameter \"dense1.bia\"; did you mean \"dense1.bias\"?");
}

TEST(Network, FreezesByPattern) {
  Sequential network({2}, Dense{3}, PRelu{}, Dense{3}, Dense{1});
  EXPECT_EQ(network.freeze("dense*"), 6) << "before the parameters are drawn, too";
  EXPECT_TRUE(network.is_frozen("dense3.bias"));
  EXPECT_FALSE(network.is_frozen("prelu1.slope"));
  EXPECT_EQ(network.unfreeze("*.bias"), 3);
  EXPECT_FALSE(network.is_frozen("dense3.bias"));
  EXPECT_TRUE(network.is_frozen("dense3.weight"));
  EXPECT_EQ(network.freeze("dense[12].bias"), 2);
  EXPECT_EQ(network.freeze("prelu1.slope"), 1);
  network.initialize(1);
  EXPECT_TRUE(network.is_frozen("prelu1.slope")) << "drawing does not thaw";
  EXPECT_EQ(message_of([&] { network.freeze("dens1.weight"); }),
            "freeze: no parameter matches \"dens1.weight\"; did you mean \"dense1.weight\"?");
  EXPECT_EQ(message_of([&] { network.unfreeze("dens2*"); }),
            "unfreeze: no parameter matches \"dens2*\"; did you mean \"dense2.*\"?");
  EXPECT_EQ(message_of([&] { network.unfreeze("*.biases"); }),
            "unfreeze: no parameter matches \"*.biases\"; did you mean \"*.bias\"?");
  EXPECT_EQ(message_of([&] { network.unfreeze("conv*"); }),
            "unfreeze: no parameter matches \"conv*\"; known are dense1.weight, dense1.bias, prelu1.slope, dense2.weight, "
            "dense2.bias, dense3.weight, dense3.bias");
}

TEST(Network, RefusesNamesThatWouldBreakATable) {
  Network network;
  const auto x = network.input("x", {2});
  EXPECT_EQ(message_of([&] { network.input("a\nb", {2}); }), "network: the input name \"a\nb\" holds a control character");
  EXPECT_EQ(message_of([&] { network.add(Relu{}, x, "a\x1b"); }), "network: the layer name \"a\x1b\" holds a control character");
  EXPECT_EQ(message_of([&] { network.output("\x7f", x); }), "network: the output name \"\x7f\" holds a control character");
  network.output("größe / height", network.add(Relu{}, x, "層"));
}

TEST(Network, RefusesNamesThatAreTaken) {
  Network network;
  const auto x = network.input("x", {2});
  network.add(Relu{}, x, "gate");
  network.output("y", x);
  EXPECT_EQ(message_of([&] { network.input("x", {3}); }), "network: the input name \"x\" is taken");
  EXPECT_EQ(message_of([&] { network.input("step", {3}); }),
            "network: the input name \"step\" is taken by the number of the training step");
  EXPECT_EQ(message_of([&] { network.add(Relu{}, x, "gate"); }), "network: the layer name \"gate\" is taken");
  EXPECT_EQ(message_of([&] { network.output("y", x); }), "network: the output name \"y\" is taken");
}

TEST(Network, RefusesWiresFromNowhere) {
  Network network;
  const auto x = network.input("x", {2});
  EXPECT_EQ(message_of([&] { network.add(Relu{}, Network::Tap{}); }), "relu1: its input is no value of this network");
  EXPECT_EQ(message_of([&] { network.add(Dense{2}, Network::Tap{7}); }), "dense1: its input is no value of this network");
  EXPECT_EQ(message_of([&] { network.output("y", Network::Tap{7}); }), "network: output \"y\" is no value of it");
  network.add(Relu{}, x, "gate");
  EXPECT_EQ(message_of([&] { network.share("gaet", {x}); }), "network: there is no layer \"gaet\"; did you mean \"gate\"?");
  EXPECT_EQ(network.calls().size(), 2U) << "what failed left nothing";
  EXPECT_EQ(network.layers().size(), 1U);
}

std::string build_error(const Network& network) {
  return message_of([&] {
    Graph graph(network.table());
    network.build(graph, 32, Mode::training);
  });
}

TEST(Network, SaysWhichLayerDoesNotFit) {
  EXPECT_EQ(build_error(Sequential({8, 26, 26}, Relu{}, Dense{10})),
            "dense1: expects [batch, features] or [batch, time, features], got [32, 8, 26, 26]; add Flatten{} before it");
  EXPECT_EQ(build_error(Sequential({4}, Dense{0})), "dense1: units = 0 must be at least 1");
  EXPECT_EQ(build_error(Sequential({4}, Reshape{{5}})), "reshape1: [32, 4] has 4 elements a sample, the target [32, 5] takes 5");
  EXPECT_EQ(build_error(Sequential({4}, Reshape{{2, -2}})), "reshape1: shape [32, 2, -2]: a dimension must not be negative");
  EXPECT_EQ(build_error(Sequential({4}, Dense{2, "rellu"})), "dense1: unknown activation \"rellu\"; did you mean \"relu\"?");
  EXPECT_THAT(build_error(Sequential({4}, Dense{2, "flatten"})),
              ::testing::StartsWith("dense1: unknown activation \"flatten\"; known are celu, "));
  Network joint;
  const auto a = joint.input("a", {2});
  const auto b = joint.input("b", {3});
  joint.add(Add{}, {a, b});
  EXPECT_EQ(build_error(joint),
            "add1: Add: shapes [32, 2] and [32, 3] do not broadcast: 2 against 3 in dimension 1 from the end; inputs: "
            "f32[32, 2], f32[32, 3]");
  Network greedy;
  greedy.add(Relu{}, {greedy.input("a", {2}), greedy.input("b", {2})});
  EXPECT_EQ(build_error(greedy), "relu1: takes one input, got 2");
  Network empty;
  empty.add(Add{}, std::vector<Network::Tap>{});
  EXPECT_EQ(build_error(empty), "add1: needs at least one input");
}

TEST(Network, SaysWhoseOutputDoesNotFitTheParameters) {
  Sequential trained({784}, Dense{10});
  trained.initialize(1);
  Network network;
  const auto x = network.input("x", {8, 26, 26});
  network.add(Dense{10}, network.add(Flatten{}, x));
  EXPECT_EQ(message_of([&] { network.set_parameter("dense1.weight", trained.parameter("dense1.weight")); }),
            "network: parameter \"dense1.weight\" is f32[10, 5408], got f32[10, 784]");
  Network shared;
  const auto wide = shared.input("wide", {784});
  shared.add(Dense{10}, wide, "reader");
  shared.share("reader", {shared.add(Flatten{}, shared.input("image", {8, 26, 26}))});
  EXPECT_EQ(build_error(shared),
            "reader: expects 784 inputs, but flatten1 gives 5408; change the layer before it, or draw the parameters anew");
  Network slopes;
  const auto few = slopes.input("few", {3});
  const auto many = slopes.input("many", {5});
  slopes.add(PRelu{}, few);
  slopes.share("prelu1", {many});
  EXPECT_EQ(
      build_error(slopes),
      "prelu1: its parameter \"prelu1.slope\" has shape [3], but what many gives asks for [5]; change the layer before it, or "
      "draw the parameters anew");
}

TEST(Network, GivesTheStepToThoseWhoAsk) {
  const Sequential with({4}, Dropout{0.5F});
  const Sequential without({4}, Relu{});
  for (const Mode mode : {Mode::inference, Mode::training}) {
    Graph graph(with.table());
    with.build(graph, 2, mode);
    EXPECT_EQ(graph.has("step"), mode == Mode::training);
  }
  Graph graph(without.table());
  without.build(graph, 2, Mode::training);
  EXPECT_FALSE(graph.has("step"));
}

TEST(Network, NodesCarryTheNameOfTheirLayer) {
  const Sequential network({4}, Dense{3}, Relu{});
  Graph graph(network.table());
  const auto values = network.build(graph, 2, Mode::inference);
  ASSERT_EQ(values.size(), 3U) << "the input and each layer";
  EXPECT_EQ(graph.node(0).name, "dense1");
  EXPECT_EQ(graph.node(1).name, "relu1");
  EXPECT_EQ(values[1].shape(), (Shape{2, 3}));
  EXPECT_EQ(graph.scope(), "");
}

}  // namespace
}  // namespace neurons
