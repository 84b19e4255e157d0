#include "neurons/layers/residual.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/run_network_testing.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::message_of;

TEST(Residual, AddsItsInputToWhatTheBodyMakesOfIt) {
  Sequential network({2}, Residual{.body = {Dense{2}}});
  network.set_parameter("residual1.dense1.weight", Tensor::of<float>({2, 2}, {1, 2, 0, -3}));
  network.set_parameter("residual1.dense1.bias", Tensor::of<float>({2}, {0.5F, 0}));
  const Tensor x = Tensor::of<float>({1, 2}, {1, 10});
  EXPECT_THAT(testing::run_network(network, {{"x", x}}).at("y"), ElementsAre(22.5F, 0)) << "relu of 1 + 21.5 and of 10 - 30";
}

TEST(Residual, ProjectsItsInputWhereTheShapeChanges) {
  Sequential network({2}, Residual{.body = {Dense{1, "relu"}, Dense{1}}, .projection = {Dense{1}}, .activation = "identity"});
  for (const auto& [name, type] : network.parameter_types()) network.set_parameter(name, Tensor(type));
  network.set_parameter("residual1.projection.dense1.weight", Tensor::of<float>({1, 2}, {3, -4}));
  network.set_parameter("residual1.dense2.bias", Tensor::of<float>({1}, {0.5F}));
  EXPECT_THAT(testing::run_network(network, {{"x", Tensor::of<float>({1, 2}, {1, 2})}}).at("y"), ElementsAre(-4.5F));
}

TEST(Residual, NamesItsLayersAfterTheBlock) {
  Network network;
  auto x = network.input("x", {4});
  x = network.add(Residual{.body = {Dense{4}, Relu{}, Dense{4}}}, x);
  x = network.add(Residual{.body = {Dense{4}}, .activation = "tanh"}, x, "last");
  x = network.add(Residual{.body = {Dense{4}}}, x);
  network.output("y", x);
  std::vector<std::string> names;
  for (const auto& layer : network.layers()) names.push_back(layer.name);
  EXPECT_THAT(names, ElementsAre("residual1.dense1", "residual1.relu1", "residual1.dense2", "residual1.add", "residual1.relu",
                                 "last.dense1", "last.add", "last.tanh", "residual2.dense1", "residual2.add", "residual2.relu"));
  EXPECT_EQ(network.freeze("residual1.*"), 4);
}

std::vector<Layer> body(std::int64_t stride) {
  return {Conv2d{.filters = 16, .kernel = 3, .stride = stride, .bias = false, .pads = 1}, BatchNorm{}, Relu{},
          Conv2d{16, 3, Padding::same}, BatchNorm{}};
}

/// Nothing but convolutions, the work on statistics (vectors of channels) and the moves at both ends.
TEST(Residual, IsAddedByTheEpilogueOfItsLastConvolution) {
  Sequential network({3, 8, 8}, Conv2d{16, 3, Padding::same, 1, "relu"}, Residual{.body = body(1)},
                     Residual{.body = body(2), .projection = {Conv2d{16, 1, Padding::valid, 2}, BatchNorm{}}});
  network.initialize(1);
  Graph graph(network.table());
  network.build(graph, 2, Mode::inference);
  auto store = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
  const Plan plan = compile(graph, store);
  std::vector<std::string> images;
  int sums = 0;
  for (const PlanStep& step : plan.steps()) {
    if (step.outputs.front().shape.rank() == 4) images.push_back(step.op);
    if (step.detail.find("= Add(") != std::string::npos && step.op == "ConvolutionSum") ++sums;
    EXPECT_NE(step.op, "Add");
    EXPECT_NE(step.op, "BatchNormalization");
  }
  EXPECT_THAT(images, ElementsAre("ToChannelsLast", "ConvolutionSum", "ConvolutionSum", "ConvolutionSum", "ConvolutionSum",
                                  "ConvolutionSum", "ConvolutionSum", "ToChannelsFirst"));
  EXPECT_EQ(sums, 2) << to_string(plan);
}

TEST(Residual, SaysWhatDoesNotFit) {
  EXPECT_EQ(message_of([] { Sequential({4}, Residual{}); }), "residual1: its body has no layers");
  EXPECT_EQ(message_of([] { Sequential({4}, Residual{.body = {Dense{3}}}).initialize(1); }),
            "residual1.add: the body gives [1, 3], what is led around it is [1, 4]; give the block a projection to that shape");
  EXPECT_EQ(message_of([] { Sequential({4}, Residual{.body = {Dense{4}}, .activation = "rely"}); }),
            "unknown activation \"rely\"; did you mean \"relu\"?");
}

}  // namespace
}  // namespace neurons
