#include "neurons/networks/networks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons {
namespace {

using testing::message_of;

/// Numbers that training changes: running statistics do not count, as papers and other libraries count.
std::int64_t trained(const Builder& builder, const Shape& sample) {
  std::int64_t count = 0;
  for (const auto& [name, type] : build(builder, sample).trained_parameters()) count += type.shape.elements();
  return count;
}

Plan inference_plan(const Network& network, std::int64_t batch) {
  Graph graph(network.table());
  network.build(graph, batch, Mode::inference);
  auto store = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
  CompileOptions options;
  options.look_only = true;
  return compile(graph, store, options);
}

Shape result_of(const Builder& builder, const Shape& sample) {
  const Network network = build(builder, sample);
  Graph graph(network.table());
  network.build(graph, 2, Mode::inference);
  return graph.find("y").shape();
}

TEST(Networks, HaveAsManyParametersAsPublished) {
  EXPECT_EQ(trained(LeNet5{}, {1, 28, 28}), 61706);
  EXPECT_EQ(trained(LeNet5{.pads = 0}, {1, 32, 32}), 61706);
  EXPECT_EQ(trained(ResNet20{}, {3, 32, 32}), 272474) << "0.27 million";
  EXPECT_EQ(trained(ResNet18{}, {3, 224, 224}), 11689512) << "torchvision's resnet18";
  EXPECT_EQ(trained(MobileNetV2{}, {3, 224, 224}), 3504872) << "torchvision's mobilenet_v2";
  EXPECT_EQ(trained(MobileNetV2{.width = 0.5F}, {3, 224, 224}), 1968680) << "torchvision's mobilenet_v2(width_mult=0.5)";
  EXPECT_EQ(trained(MobileNetV2{.width = 1.4F}, {3, 224, 224}), 6108776) << "torchvision's mobilenet_v2(width_mult=1.4)";
}

TEST(Networks, GiveClassesOrPictures) {
  EXPECT_EQ(result_of(LeNet5{}, {1, 28, 28}), (Shape{2, 10}));
  EXPECT_EQ(result_of(ResNet20{.classes = 7}, {1, 32, 32}), (Shape{2, 7}));
  EXPECT_EQ(result_of(ResNet18{.classes = 3, .width = 8}, {3, 64, 96}), (Shape{2, 3}));
  EXPECT_EQ(result_of(MobileNetV2{.classes = 5, .width = 0.25F}, {3, 64, 64}), (Shape{2, 5}));
  EXPECT_EQ(result_of(UNet{.classes = 3, .width = 4}, {1, 32, 48}), (Shape{2, 3, 32, 48}));
  EXPECT_EQ(result_of(Autoencoder{}, {3, 28, 32}), (Shape{2, 3, 28, 32}));
  EXPECT_EQ(result_of(Autoencoder{.width = 8, .depth = 3, .code = 5}, {1, 32, 32}), (Shape{2, 1, 32, 32}));
}

/// What passes over images: the moves at both ends, convolutions, pools and up-sampling; normalisation, addition and activations
/// are in the convolutions' epilogues.
std::map<std::string, int> image_steps(const Builder& builder, const Shape& sample) {
  Network network = build(builder, sample);
  network.initialize(1);
  std::map<std::string, int> count;
  const Plan plan = inference_plan(network, 1);
  for (const PlanStep& step : plan.steps()) {
    if (step.outputs.front().shape.rank() > 2) ++count[step.op];
    EXPECT_NE(step.kernel, "reference") << step.op;
  }
  return count;
}

TEST(Networks, RunAsConvolutionsThatDoEverythingElseInTheirEpilogues) {
  using Steps = std::map<std::string, int>;
  EXPECT_EQ(image_steps(ResNet20{}, {3, 32, 32}), (Steps{{"ToChannelsLast", 1}, {"ConvolutionSum", 21}, {"AveragePool", 1}}));
  EXPECT_EQ(image_steps(ResNet18{.width = 16}, {3, 64, 64}),
            (Steps{{"ToChannelsLast", 1}, {"ConvolutionSum", 20}, {"MaxPool", 1}, {"AveragePool", 1}}));
  EXPECT_EQ(image_steps(MobileNetV2{.width = 0.25F}, {3, 64, 64}),
            (Steps{{"ToChannelsLast", 1}, {"ConvolutionSum", 52}, {"AveragePool", 1}}));
  EXPECT_EQ(
      image_steps(UNet{.classes = 2, .width = 4}, {3, 16, 16}),
      (Steps{{"ToChannelsLast", 1}, {"ConvolutionSum", 15}, {"MaxPool", 3}, {"Resize", 3}, {"Concat", 3}, {"ToChannelsFirst", 1}}));
  EXPECT_EQ(image_steps(Autoencoder{}, {3, 16, 16}),
            (Steps{{"ToChannelsLast", 1}, {"ConvolutionSum", 4}, {"Resize", 2}, {"ToChannelsFirst", 1}}));
}

/// The gradients of skips, up-sampling and joints are channels last, too: what is moved is the picture, the result and its slope.
TEST(Networks, LearnWithoutTranspositionsBetweenTheirLayers) {
  for (const Builder& builder : std::vector<Builder>{UNet{.width = 4, .depth = 2}, Autoencoder{.width = 4}}) {
    Network network = build(builder, {3, 16, 16});
    network.initialize(1);
    Graph graph(network.table());
    network.build(graph, 2, Mode::training);
    const Value y = graph.find("y");
    std::vector<Value> states;
    auto store = std::make_shared<StateStore>(network.table());
    for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
    for (const auto& [name, type] : network.trained_parameters()) states.push_back(graph.find(name));
    const auto slopes = gradients(graph.emit("ReduceSum", {y * y}), states);
    for (std::size_t i = 0; i < states.size(); ++i) graph.assign(states[i], states[i] - slopes[i] * 0.1);
    const Plan plan = compile(graph, store);
    int moves = 0;
    for (const PlanStep& step : plan.steps()) {
      moves += step.op.starts_with("ToChannels") || step.op == "Transpose" ? 1 : 0;
      EXPECT_NE(step.kernel, "reference") << step.op;
    }
    EXPECT_LE(moves, 3) << builder.kind() << "\n" << to_string(plan);
  }
}

TEST(Networks, NameTheirLayersAfterStages) {
  const Network network = build(ResNet20{}, {3, 32, 32});
  EXPECT_EQ(network.layers()[3].name, "stage1.block1.conv2d1");
  Network frozen = network;
  EXPECT_EQ(frozen.freeze("stage1.*"), 3 * 2 * (1 + 4)) << "two convolutions a block, each with its normalisation";
  EXPECT_THAT(build(MobileNetV2{}, {3, 64, 64}).layers()[3].name, "block1.depthwise_conv2d1");
}

TEST(Networks, SayWhatTheyCannotTake) {
  const auto complaint = [](const Builder& builder, const Shape& sample) { return message_of([&] { build(builder, sample); }); };
  EXPECT_EQ(complaint(ResNet20{}, {32, 32}),
            "resnet20: expects samples [channels, height, width], got [32, 32]; add the axis of channels");
  EXPECT_EQ(complaint(UNet{}, {1, 28, 28}),
            "unet: height and width of [1, 28, 28] must be multiples of 8; resize or pad the pictures");
  EXPECT_EQ(complaint(ResNet18{.classes = -1}, {3, 64, 64}), "resnet18: classes = -1 must be from 0 to 1000000");
  EXPECT_EQ(complaint(UNet{.depth = 0}, {1, 32, 32}), "unet: depth = 0 must be from 1 to 10");
  EXPECT_EQ(complaint(MobileNetV2{.width = 0}, {3, 64, 64}), "mobilenet_v2: width = 0 must be above 0 and at most 64");
  EXPECT_EQ(message_of([] { builder_of_kind("resnet2"); }), "unknown builder \"resnet2\"; did you mean \"resnet20\"?");
}

}  // namespace
}  // namespace neurons
