#include "neurons/layers/pools.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "neurons/base/testing.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/run_network_testing.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::message_of;

Shape pooled(const Layer& layer, const Shape& sample) {
  Sequential network(sample, {layer});
  Graph graph(network.table());
  network.build(graph, 2, Mode::inference);
  return graph.info(graph.outputs().front().value).type.shape;
}

std::vector<float> values_of(const Layer& layer, const Shape& sample, const std::vector<float>& x) {
  Sequential network(sample, {layer});
  std::vector<std::int64_t> extents(sample.extents().begin(), sample.extents().end());
  extents.insert(extents.begin(), 1);
  return testing::run_network(network, {{"x", Tensor::of<float>(Shape(std::span<const std::int64_t>(extents)), x)}}).at("y");
}

TEST(Pools, GiveTheShapesThatTheirFieldsSay) {
  EXPECT_EQ(pooled(MaxPool2d{2}, {3, 10, 13}), (Shape{2, 3, 5, 6}));
  EXPECT_EQ(pooled(MaxPool2d{{3, 2}}, {3, 10, 13}), (Shape{2, 3, 3, 6}));
  EXPECT_EQ(pooled(MaxPool2d{3, 2, Padding::same}, {3, 10, 13}), (Shape{2, 3, 5, 7}));
  EXPECT_EQ(pooled(MaxPool2d{.size = 3, .stride = 2, .pads = 1}, {64, 112, 112}), (Shape{2, 64, 56, 56}));
  EXPECT_EQ(pooled(AveragePool2d{2, 1}, {3, 10, 13}), (Shape{2, 3, 9, 12}));
  EXPECT_EQ(pooled(MaxPool1d{4}, {3, 10}), (Shape{2, 3, 2}));
  EXPECT_EQ(pooled(AveragePool3d{2}, {3, 4, 6, 8}), (Shape{2, 3, 2, 3, 4}));
  EXPECT_EQ(pooled(LpPool1d{4, 3}, {3, 10}), (Shape{2, 3, 3}));
  EXPECT_EQ(pooled(LpPool2d{.size = 3, .pads = 1, .p = 1}, {3, 6, 9}), (Shape{2, 3, 2, 3}));
  EXPECT_EQ(pooled(LpPool3d{2}, {3, 4, 6, 8}), (Shape{2, 3, 2, 3, 4}));
  EXPECT_EQ(pooled(MaxPool1d{.size = 2, .stride = 2, .ceil_mode = true}, {3, 5}), (Shape{2, 3, 3}));
  EXPECT_EQ(pooled(MaxPool1d{.size = 3, .stride = 2, .ceil_mode = true}, {3, 2}), (Shape{2, 3, 1}));
  EXPECT_EQ(pooled(MaxPool2d{.size = 2, .stride = 1, .dilation = {1, 3}}, {3, 10, 13}), (Shape{2, 3, 9, 10}));
  EXPECT_EQ(pooled(AveragePool2d{.size = 3, .stride = 1, .pads = {0, 1, 2, 2}}, {3, 10, 13}), (Shape{2, 3, 10, 14}));
  EXPECT_EQ(pooled(GlobalAveragePool{}, {3, 7, 5}), (Shape{2, 3}));
  EXPECT_EQ(pooled(GlobalMaxPool{}, {3, 7}), (Shape{2, 3}));
}

TEST(Pools, TakeTheLargestOrTheMean) {
  const std::vector<float> x{1, 2, -3, 8, 5, 0, -7, 4, -1};  // 3 × 3
  EXPECT_THAT(values_of(MaxPool2d{2, 1}, {1, 3, 3}, x), ElementsAre(8, 5, 8, 5));
  EXPECT_THAT(values_of(AveragePool2d{2, 1}, {1, 3, 3}, x), ElementsAre(4, 1, 2.5, 2));
  EXPECT_THAT(values_of(AveragePool2d{2, 2, Padding::same}, {1, 3, 3}, x), ElementsAre(4, -1.5, -1.5, -1));
  EXPECT_THAT(values_of(AveragePool2d{.size = 3, .pads = 1}, {1, 3, 3}, x), ElementsAre(4)) << "the padding does not count";
  EXPECT_THAT(values_of(AveragePool2d{.size = 3, .pads = 1, .count_include_pad = true}, {1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}),
              ElementsAre(12.0F / 9));
  EXPECT_THAT(values_of(AveragePool1d{.size = 2, .ceil_mode = true}, {1, 3}, {3, -4, 7}), ElementsAre(-0.5F, 7));
  EXPECT_THAT(values_of(MaxPool1d{.size = 2, .stride = 1, .dilation = 2}, {1, 4}, {3, 9, 7, 1}), ElementsAre(7, 9));
  EXPECT_THAT(values_of(MaxPool1d{.size = 2, .stride = 2, .pads = {1, 0}}, {1, 3}, {-3, -9, -7}), ElementsAre(-3, -7));
  EXPECT_THAT(values_of(LpPool1d{.size = 2, .stride = 1, .dilation = 2}, {1, 4}, {3, 0, 4, -7}), ElementsAre(5, 7));
  EXPECT_THAT(values_of(LpPool2d{.size = 2, .p = 1}, {1, 3, 3}, x), ElementsAre(16));
  EXPECT_THAT(values_of(LpPool1d{2}, {1, 5}, {3, -4, 0, 0, 7}), ElementsAre(5, 0));
  EXPECT_THAT(values_of(GlobalMaxPool{}, {1, 3, 3}, x), ElementsAre(8));
  EXPECT_THAT(values_of(GlobalAveragePool{}, {1, 3, 3}, x), ElementsAre(1));
}

TEST(Pools, StandBetweenOtherLayers) {
  Sequential network({1, 12, 12}, Conv2d{4, 3, Padding::same, 1, "relu"}, MaxPool2d{2}, Conv2d{8, 3}, GlobalAveragePool{},
                     Dense{3});
  network.initialize(1);
  EXPECT_EQ(network.parameter("dense1.weight").shape(), (Shape{3, 8}));
  Graph graph(network.table());
  network.build(graph, 2, Mode::inference);
  auto store = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
  const Plan plan = compile(graph, store);
  std::vector<std::string> steps;
  for (const PlanStep& step : plan.steps()) steps.push_back(step.op);
  EXPECT_THAT(steps,
              ElementsAre("Reshape", "ConvolutionSum", "MaxPool", "ConvolutionSum", "AveragePool", "Reshape", "WeightedSum"));
}

TEST(Pools, SayWhatIsWrong) {
  const auto message = [](const Layer& layer, const Shape& sample) {
    return message_of([&] { Sequential(sample, {layer}).initialize(1); });
  };
  EXPECT_EQ(message(MaxPool2d{2}, {784}), "max_pool2d1: expects [batch, channels, height, width], got [1, 784]");
  EXPECT_EQ(message(MaxPool2d{2}, {28, 28}),
            "max_pool2d1: expects [batch, channels, height, width], got [1, 28, 28]; add a Reshape with one channel before it");
  EXPECT_EQ(message(AveragePool1d{2, 0}, {3, 8}), "average_pool1d1: stride = 0 must be at least 1");
  EXPECT_EQ(message(MaxPool2d{.padding = "full"}, {3, 8, 8}), "max_pool2d1: padding = \"full\", expected \"valid\" or \"same\"");
  EXPECT_EQ(message(MaxPool2d{.padding = "same", .pads = 1}, {3, 8, 8}),
            "max_pool2d1: give either padding = \"same\" or pads, not both");
  EXPECT_EQ(message(MaxPool2d{{2, 2, 2}}, {3, 8, 8}),
            "max_pool2d1: size = [2, 2, 2]: expected one number, or 2 (one for each spatial axis)");
  EXPECT_EQ(message(GlobalMaxPool{}, {3}), "global_max_pool1: expects [batch, channels, 1 to 3 spatial axes], got [1, 3]");
  EXPECT_EQ(
      message(AveragePool2d{5}, {3, 4, 8}),
      "average_pool2d1: a window that spans 5 does not fit into 4 places and 0 of padding, on spatial axis 0; make it smaller, or "
      "give padding = \"same\"");
  EXPECT_EQ(message(MaxPool2d{.size = 2, .pads = 2}, {3, 8, 8}),
            "max_pool2d1: pads of 2 must be smaller than the window, which is 2, on spatial axis 0: it would see padding alone");
  EXPECT_EQ(message(MaxPool2d{.size = 2, .pads = {0, 0, 1, 3}, .dilation = 2}, {3, 8, 8}),
            "max_pool2d1: pads of 3 must be smaller than the window, which is 3, on spatial axis 1: it would see padding alone");
  EXPECT_EQ(
      message(MaxPool2d{.size = 2, .dilation = {1, 8}}, {3, 8, 8}),
      "max_pool2d1: a window that spans 9 does not fit into 8 places and 0 of padding, on spatial axis 1; make it smaller, or give "
      "padding = \"same\"");
  EXPECT_THAT(message(MaxPool1d{.size = 2, .pads = 2, .dilation = 4}, {3, 1}), ::testing::HasSubstr("sees padding alone"));
  EXPECT_THAT(message(MaxPool1d{.size = 9, .ceil_mode = true}, {3, 0}), ::testing::StartsWith("max_pool1d1"));
  EXPECT_EQ(message(LpPool1d{.p = 0}, {3, 8}), "lp_pool1d1: p = 0 must be at least 1");
  EXPECT_EQ(message(LpPool2d{}, {3, 8}),
            "lp_pool2d1: expects [batch, channels, height, width], got [1, 3, 8]; add a Reshape with one "
            "channel before it");
}

}  // namespace
}  // namespace neurons
