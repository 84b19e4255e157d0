#include "neurons/layers/convolutions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "neurons/base/testing.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/run_network_testing.hpp"
#include "neurons/layers/shapes.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;

/// The shape of what one layer makes of a batch of two.
Shape result_of(const Layer& layer, const Shape& sample) {
  Sequential network(sample, {layer});
  Graph graph(network.table());
  network.build(graph, 2, Mode::inference);
  return graph.info(graph.outputs().front().value).type.shape;
}

/// Every parameter of `network` filled with one number.
void fill_parameters(Network& network, float value) {
  network.initialize(1);
  for (const auto& [name, tensor] : network.parameters()) {
    Tensor filled(tensor.type());
    for (float& element : filled.values<float>()) element = value;
    network.set_parameter(name, filled);
  }
}

TEST(Convolutions, GiveTheShapesThatTheirFieldsSay) {
  EXPECT_EQ(result_of(Conv2d{8, 3}, {3, 10, 12}), (Shape{2, 8, 8, 10}));
  EXPECT_EQ(result_of(Conv2d{8, 3, Padding::same}, {3, 10, 12}), (Shape{2, 8, 10, 12}));
  EXPECT_EQ(result_of(Conv2d{8, {3, 5}, Padding::same, 2}, {3, 11, 12}), (Shape{2, 8, 6, 6}));
  EXPECT_EQ(result_of(Conv2d{.filters = 4, .kernel = 7, .stride = 2, .pads = 3}, {3, 224, 224}), (Shape{2, 4, 112, 112}));
  EXPECT_EQ(result_of(Conv2d{.filters = 4, .kernel = 3, .groups = 2, .dilation = {1, 2}}, {6, 9, 9}), (Shape{2, 4, 7, 5}));
  EXPECT_EQ(result_of(Conv1d{5, 4}, {2, 20}), (Shape{2, 5, 17}));
  EXPECT_EQ(result_of(Conv3d{5, 2, Padding::valid, 2}, {2, 8, 8, 9}), (Shape{2, 5, 4, 4, 4}));
  EXPECT_EQ(result_of(DepthwiseConv2d{.kernel = 3, .multiplier = 2}, {6, 9, 9}), (Shape{2, 12, 7, 7}));
  EXPECT_EQ(result_of(DepthwiseConv2d{.kernel = 3, .stride = 2, .pads = 1}, {6, 9, 9}), (Shape{2, 6, 5, 5}));
  EXPECT_EQ(result_of(SeparableConv2d{.filters = 5, .kernel = {3, 1}, .stride = 2, .multiplier = 2}, {6, 9, 9}),
            (Shape{2, 5, 4, 5}));
  EXPECT_EQ(result_of(ConvTranspose2d{5, 2, Padding::valid, 2}, {3, 4, 6}), (Shape{2, 5, 8, 12}));
  EXPECT_EQ(result_of(ConvTranspose2d{5, 3, Padding::same, 2}, {3, 4, 6}), (Shape{2, 5, 8, 12}));
  EXPECT_EQ(result_of(ConvTranspose1d{.filters = 5, .kernel = 4, .stride = 2, .pads = {1, 2}}, {3, 6}), (Shape{2, 5, 11}));
  EXPECT_EQ(result_of(ConvTranspose2d{.filters = 6, .stride = 2, .groups = 3, .pads = 1, .output_padding = 1}, {3, 4, 6}),
            (Shape{2, 6, 8, 12}));
  EXPECT_EQ(result_of(ConvTranspose3d{.filters = 5, .kernel = 2, .dilation = {1, 2, 3}}, {3, 4, 4, 4}), (Shape{2, 5, 5, 6, 7}));
  EXPECT_EQ(result_of(DepthwiseConv2d{.dilation = {1, 2}}, {6, 9, 9}), (Shape{2, 6, 7, 5}));
  EXPECT_EQ(result_of(SeparableConv2d{.filters = 5, .padding = Padding::same, .dilation = 3}, {6, 9, 9}), (Shape{2, 5, 9, 9}));
  EXPECT_EQ(result_of(SeparableConv2d{.filters = 5, .dilation = 3}, {6, 9, 9}), (Shape{2, 5, 3, 3}));
}

TEST(Convolutions, PadEachEndOfAnAxisByItself) {
  const auto sums = [](const Layer& layer) {
    Sequential network({1, 3}, {layer});
    fill_parameters(network, 1);
    network.set_parameter(std::string(layer.kind()) + "1.bias", Tensor::of<float>({1}, {0}));
    return testing::run_network(network, {{"x", Tensor::of<float>({1, 1, 3}, {1, 2, 4})}}).at("y");
  };
  EXPECT_THAT(sums(Conv1d{.filters = 1, .kernel = 2, .pads = {2, 0}}), ElementsAre(0, 1, 3, 6));
  EXPECT_THAT(sums(Conv1d{.filters = 1, .kernel = 2, .pads = {0, 1}}), ElementsAre(3, 6, 4));
  // uncut: 1 1 2 2 4 4, of a kernel of 3: 1 1 3 2 6 4 4
  EXPECT_THAT(sums(ConvTranspose1d{.filters = 1, .kernel = 3, .stride = 2, .pads = {2, 1}}), ElementsAre(3, 2, 6, 4));
  EXPECT_THAT(sums(ConvTranspose1d{.filters = 1, .kernel = 3, .stride = 2, .pads = {2, 1}, .output_padding = 1}),
              ElementsAre(3, 2, 6, 4, 4));
  EXPECT_EQ(result_of(Conv2d{.filters = 1, .pads = {1, 0, 2, 3}}, {1, 5, 5}), (Shape{2, 1, 6, 6}));
}

TEST(Convolutions, HaveTheParametersOfTheirWindows) {
  const auto shapes = [](const Layer& layer) {
    Sequential network({4, 6, 6}, {layer});
    network.initialize(1);
    std::vector<std::string> found;
    for (const auto& [name, tensor] : network.parameters()) found.push_back(name + " " + tensor.shape().to_string());
    return found;
  };
  EXPECT_THAT(shapes(Conv2d{8, {3, 2}}), ElementsAre("conv2d1.bias [8]", "conv2d1.weight [8, 4, 3, 2]"));
  EXPECT_THAT(shapes(Conv2d{.filters = 8, .bias = false, .groups = 2}), ElementsAre("conv2d1.weight [8, 2, 3, 3]"));
  EXPECT_THAT(shapes(SeparableConv2d{.filters = 8, .kernel = {3, 2}, .multiplier = 2}),
              ElementsAre("separable_conv2d1.bias [8]", "separable_conv2d1.depthwise [8, 1, 3, 2]",
                          "separable_conv2d1.pointwise [8, 8, 1, 1]"));
  EXPECT_THAT(shapes(ConvTranspose2d{.filters = 8, .bias = false, .groups = 4}),
              ElementsAre("conv_transpose2d1.weight [4, 2, 3, 3]"));
  EXPECT_THAT(shapes(ConvTranspose2d{8, 2}), ElementsAre("conv_transpose2d1.bias [8]", "conv_transpose2d1.weight [4, 8, 2, 2]"));
}

TEST(Convolutions, SumTheirWindow) {
  Sequential network({1, 2, 3}, {Conv2d{1, {2, 2}, Padding::same, 1, "relu"}});
  fill_parameters(network, 1);
  const Tensor x = Tensor::of<float>({1, 1, 2, 3}, {1, 2, 3, -4, 5, -60});
  EXPECT_THAT(testing::run_network(network, {{"x", x}}).at("y"), ElementsAre(5, 0, 0, 2, 0, 0));
}

TEST(Convolutions, SeparableOnesMixPlacesThenChannels) {
  Sequential network({2, 2, 2}, SeparableConv2d{.filters = 3, .kernel = 2, .activation = "relu"});
  network.set_parameter("separable_conv2d1.depthwise", Tensor::of<float>({2, 1, 2, 2}, {1, 0, 0, 1, 1, 1, 1, 1}));
  network.set_parameter("separable_conv2d1.pointwise", Tensor::of<float>({3, 2, 1, 1}, {1, 0, 0.5F, -1, -1, -1}));
  network.set_parameter("separable_conv2d1.bias", Tensor::of<float>({3}, {0.25F, 30, 1}));
  const Tensor x = Tensor::of<float>({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});  // the depthwise sums: 1 + 4, and 26
  EXPECT_THAT(testing::run_network(network, {{"x", x}}).at("y"), ElementsAre(5.25F, 6.5F, 0));
}

TEST(Convolutions, ActivationsAreFusedAndNothingIsTransposedBetweenThem) {
  Sequential network({3, 8, 8}, {Conv2d{8, 3, Padding::same}, Relu{}, Conv2d{8, 3, Padding::same, 2, "tanh"}, Conv2d{4, 3}});
  network.initialize(1);
  Graph graph(network.table());
  network.build(graph, 2, Mode::inference);
  auto store = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
  const Plan plan = compile(graph, store);
  std::vector<std::string> ops;
  for (const PlanStep& step : plan.steps()) ops.push_back(step.op);
  EXPECT_THAT(ops, ElementsAre("ToChannelsLast", "ConvolutionSum", "ConvolutionSum", "ConvolutionSum", "ToChannelsFirst"));
}

/// The gradients of biases sum over images as they lie; what is transposed is the input, what leaves the last convolution, and its
/// gradient. Weights are updated where they are, and no step falls back on the plain loops of a reference.
TEST(Convolutions, LearnWithoutTranspositionsBetweenThem) {
  Sequential network({3, 8, 8}, {Conv2d{8, 3, Padding::same, 1, "relu"}, Conv2d{4, 3, Padding::same, 2}, Flatten{}});
  network.initialize(1);
  Graph graph(network.table());
  network.build(graph, 2, Mode::training);
  const Value y = graph.find("y");
  std::vector<Value> states;
  auto store = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) {
    store->set(name, tensor);
    states.push_back(graph.find(name));
  }
  const auto slopes = gradients(graph.emit("ReduceSum", {y * y}), states);
  for (std::size_t i = 0; i < states.size(); ++i) graph.assign(states[i], states[i] - slopes[i] * 0.1);
  const Plan plan = compile(graph, store);
  std::vector<std::string> moves;
  for (const PlanStep& step : plan.steps()) {
    if (step.op.starts_with("ToChannels")) moves.push_back(step.op);
    EXPECT_NE(step.kernel, "reference") << step.op;
  }
  EXPECT_THAT(moves, ::testing::ElementsAre("ToChannelsLast", "ToChannelsFirst", "ToChannelsLast"));
  const auto copied = std::ranges::find(plan.steps(), "assign", &PlanStep::op);
  EXPECT_EQ(copied, plan.steps().end()) << copied->name << " is updated elsewhere and copied";
}

TEST(Convolutions, SayWhatDoesNotFit) {
  const auto complaint = [](const Layer& layer, const Shape& sample) { return message_of([&] { result_of(layer, sample); }); };
  EXPECT_EQ(complaint(Conv2d{8}, {28, 28}),
            "conv2d1: expects [batch, channels, height, width], got [2, 28, 28]; add a Reshape with one channel before it");
  EXPECT_EQ(complaint(Conv1d{8}, {1, 28, 28}), "conv1d1: expects [batch, channels, length], got [2, 1, 28, 28]");
  EXPECT_EQ(complaint(Conv2d{0}, {1, 9, 9}), "conv2d1: filters = 0 must be at least 1");
  EXPECT_EQ(complaint(Conv2d{.filters = 4, .groups = 3}, {6, 9, 9}), "conv2d1: groups = 3 must divide 6 channels and 4 filters");
  EXPECT_EQ(complaint(Conv2d{4, 0}, {6, 9, 9}), "conv2d1: kernel = 0 must be at least 1");
  EXPECT_EQ(complaint(Conv2d{4, {3, 3, 3}}, {6, 9, 9}),
            "conv2d1: kernel = [3, 3, 3]: expected one number, or 2 (one for each spatial axis)");
  EXPECT_EQ(complaint(Conv2d{4, 3, "full"}, {6, 9, 9}), "conv2d1: padding = \"full\", expected \"valid\" or \"same\"");
  EXPECT_EQ(complaint(Conv2d{.filters = 4, .padding = "same", .pads = 1}, {6, 9, 9}),
            "conv2d1: give either padding = \"same\" or pads, not both");
  EXPECT_EQ(
      complaint(Conv2d{4, 7}, {1, 5, 9}),
      "conv2d1: a window that spans 7 does not fit into 5 places and 0 of padding, on spatial axis 0; make it smaller, or give "
      "padding = \"same\"");
  EXPECT_EQ(
      complaint(Conv2d{.filters = 4, .kernel = 3, .dilation = {1, 6}, .pads = 1}, {1, 5, 9}),
      "conv2d1: a window that spans 13 does not fit into 9 places and 2 of padding, on spatial axis 1; make it smaller, or give "
      "more pads");
  EXPECT_EQ(complaint(Conv2d{.filters = 4, .pads = {1, 2, 3}}, {1, 5, 9}),
            "conv2d1: pads = [1, 2, 3]: expected one number, 2 (one for each spatial axis) or 4 (all begins, then all ends)");
  EXPECT_EQ(complaint(Conv1d{.filters = 4, .pads = {1, 2, 3}}, {1, 5}),
            "conv1d1: pads = [1, 2, 3]: expected one number, or 2 (all begins, then all ends)");
  EXPECT_EQ(complaint(Conv2d{.filters = 4, .pads = {1, 1, 1, -1}}, {1, 5, 9}), "conv2d1: pads = -1 must be at least 0");
  EXPECT_EQ(
      complaint(Conv2d{.filters = 4, .kernel = 9, .pads = {1, 0, 2, 0}}, {1, 5, 9}),
      "conv2d1: a window that spans 9 does not fit into 5 places and 3 of padding, on spatial axis 0; make it smaller, or give "
      "more pads");
  EXPECT_EQ(complaint(ConvTranspose2d{.filters = 4, .groups = 3}, {6, 9, 9}),
            "conv_transpose2d1: groups = 3 must divide 6 channels and 4 filters");
  EXPECT_EQ(complaint(ConvTranspose2d{.padding = "same", .pads = 1}, {6, 9, 9}),
            "conv_transpose2d1: give either padding = \"same\" or pads, not both");
  EXPECT_EQ(complaint(ConvTranspose2d{.padding = "same", .stride = 2, .output_padding = 1}, {6, 9, 9}),
            "conv_transpose2d1: output_padding = 1 with padding = \"same\", which alone says how many results there are; give pads "
            "instead");
  EXPECT_EQ(complaint(ConvTranspose2d{.stride = {1, 2}, .output_padding = 1}, {6, 9, 9}),
            "conv_transpose2d1: output_padding = 1 must be smaller than the stride, 1, or the dilation, 1, on spatial axis 0");
  EXPECT_EQ(complaint(ConvTranspose2d{.output_padding = -1}, {6, 9, 9}),
            "conv_transpose2d1: output_padding = -1 must be at least 0");
  EXPECT_THAT(complaint(ConvTranspose2d{.kernel = 3, .pads = 6}, {1, 9, 9}),
              ::testing::AllOf(::testing::StartsWith("conv_transpose2d1"), HasSubstr("pads 6 and 6 are more than the 11 results")));
  EXPECT_EQ(complaint(Conv2d{.filters = 4, .kernel = 3, .dilation = INT64_MAX}, {1, 5, 9}).substr(0, 20), "conv2d1: a window th");
  EXPECT_EQ(
      complaint(SeparableConv2d{.filters = 4, .kernel = 6}, {1, 5, 9}),
      "separable_conv2d1: a window that spans 6 does not fit into 5 places and 0 of padding, on spatial axis 0; make it smaller, "
      "or give padding = \"same\"");
  EXPECT_EQ(complaint(SeparableConv2d{.filters = 0}, {1, 5, 9}), "separable_conv2d1: filters = 0 must be at least 1");
  EXPECT_EQ(complaint(SeparableConv2d{.multiplier = 0}, {1, 5, 9}), "separable_conv2d1: multiplier = 0 must be at least 1");
  EXPECT_EQ(complaint(SeparableConv2d{.activation = "rely"}, {1, 5, 9}),
            "separable_conv2d1: unknown activation \"rely\"; did you mean \"relu\"?");
  EXPECT_EQ(complaint(DepthwiseConv2d{.multiplier = 0}, {1, 5, 9}), "depthwise_conv2d1: multiplier = 0 must be at least 1");
}

}  // namespace
}  // namespace neurons
