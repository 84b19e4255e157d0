#include "neurons/layers/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/layers/activations.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/shapes.hpp"

namespace neurons {
namespace {

TEST(Summary, CountsParametersAndWorkOfEachCall) {
  Network network;
  const auto x = network.input("x", {1, 3, 2});
  const auto flat = network.add(Flatten{}, x);
  const auto first = network.add(Dense{.units = 6}, flat);
  const auto again = network.share("dense1", {first});
  network.output("y", network.add(Add{}, {first, again}));
  network.freeze("dense1.bias");
  const auto layers = summarize(network);
  ASSERT_EQ(layers.size(), 4U);
  EXPECT_EQ(layers[0].name, "flatten1");
  EXPECT_EQ(layers[0].from, std::vector<std::string>{"x"});
  EXPECT_EQ(layers[0].output, Shape({6}));
  EXPECT_EQ(layers[1].kind, "dense");
  EXPECT_EQ(layers[1].parameters, 42);
  EXPECT_EQ(layers[1].trained, 36);
  EXPECT_GE(layers[1].flops, 2 * 6 * 6);
  EXPECT_LE(layers[1].flops, 2 * 6 * 6 + 12);
  EXPECT_EQ(layers[2].name, "dense1");
  EXPECT_EQ(layers[2].parameters, 0);  // the same ones again
  EXPECT_EQ(layers[2].flops, layers[1].flops);
  EXPECT_EQ(layers[3].from, (std::vector<std::string>{"dense1", "dense1"}));
  EXPECT_THAT(to_string(layers), ::testing::HasSubstr("4 layers, 42 parameters (36 trained)"));
}

TEST(Summary, ColumnsAreAsWideAsTheLongestKind) {
  Network network;
  network.output("y", network.add(ConvTranspose2d{}, network.input("x", {1, 3, 3}), "a"));
  EXPECT_THAT(to_string(summarize(network)), ::testing::StartsWith("layer  kind                 output"));
}

TEST(Summary, LayersWhoseNamesBeginAlike) {
  Network network;
  const auto a = network.add(Dense{.units = 2}, network.input("x", {3}), "a");
  network.output("y", network.add(Dense{.units = 1}, a, "a.b"));
  const auto layers = summarize(network);
  EXPECT_EQ(layers[0].parameters, 8);
  EXPECT_EQ(layers[1].parameters, 3);
}

}  // namespace
}  // namespace neurons
