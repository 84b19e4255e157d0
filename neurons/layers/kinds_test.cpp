#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/layer.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/run_network_testing.hpp"
#include "neurons/layers/shapes.hpp"

namespace neurons {
namespace {

using testing::message_of;

class EveryLayerKind : public ::testing::TestWithParam<std::string> {
 protected:
  const Layer& layer() const { return layer_of_kind(GetParam()); }
};

std::vector<std::string> all_kinds() {
  std::vector<std::string> kinds;
  for (const auto& [kind, layer] : layer_kinds()) kinds.push_back(kind);
  return kinds;
}

INSTANTIATE_TEST_SUITE_P(Layers, EveryLayerKind, ::testing::ValuesIn(all_kinds()), [](const auto& chosen) { return chosen.param; });

/// A value that is not the one given, of the same kind.
AttributeValue changed(const AttributeValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return !*flag;
  if (const auto* count = std::get_if<std::int64_t>(&value)) return *count + 1;
  if (const auto* number = std::get_if<double>(&value))
    return static_cast<double>(static_cast<float>(*number + 0.25));  // fields are floats
  if (const auto* text = std::get_if<std::string>(&value)) return *text + "x";
  return std::vector<std::int64_t>{2, 3};
}

TEST_P(EveryLayerKind, IsFoundUnderItsName) { EXPECT_EQ(layer().kind(), GetParam()); }

TEST_P(EveryLayerKind, SurvivesItsAttributes) {
  EXPECT_EQ(layer_of_kind(GetParam()).with(layer().attributes()).attributes(), layer().attributes());
  Attributes other = layer().attributes();
  for (Attribute& attribute : other) attribute.value = changed(attribute.value);
  const Layer back = layer().with(other);
  EXPECT_EQ(back.kind(), GetParam());
  EXPECT_EQ(back.attributes(), other);
}

TEST_P(EveryLayerKind, RefusesAttributesItDoesNotHave) {
  EXPECT_THAT(message_of([&] { (void)layer().with({{"nonsense", true}}); }), ::testing::StartsWith("unknown option \"nonsense\""));
}

/// A sample that a layer of that kind takes: "…2d" means two spatial axes.
Shape sample_for(const std::string& kind) {
  if (kind.ends_with("1d")) return {4, 8};
  if (kind.ends_with("2d") || kind.starts_with("global_")) return {4, 8, 8};
  if (kind.ends_with("3d")) return {4, 8, 8, 8};
  if (kind == "instance_norm" || kind == "spatial_dropout") return {4, 8};
  if (kind == "multi_head_attention" || kind == "positional_encoding" || kind == "learned_positions" || kind == "last_step" ||
      kind == "mean_over_time" || kind == "attention_pool" || kind.starts_with("transformer_") || kind.starts_with("temporal_")) {
    return {4, 8};
  }
  if (kind == "simple_rnn" || kind == "lstm" || kind == "gru") return {5, 4};
  return {8};
}

bool reads_tokens(const std::string& kind) { return kind == "embedding" || kind == "padding_mask"; }

TEST_P(EveryLayerKind, CanBeAddedToANetwork) {
  if (GetParam() == "reshape") return;            // its default has no target: tested below
  if (GetParam().ends_with("fold_time")) return;  // they change the batch: see TimeDistributed
  Network network;
  const auto x = network.input("x", sample_for(GetParam()), reads_tokens(GetParam()) ? DType::i64 : DType::f32);
  std::vector<Network::Tap> from{x};
  if (GetParam() == "transformer_decoder") from.push_back(x);
  network.output("y", network.add(layer(), from));
  network.initialize(1);
  Graph graph(network.table());
  network.build(graph, 3, Mode::training);
  EXPECT_EQ(graph.find("y").shape()[0], 3);
}

TEST(LayerKinds, SuggestTheNearest) {
  EXPECT_EQ(message_of([] { layer_of_kind("dens"); }), "unknown layer or activation \"dens\"; did you mean \"dense\"?");
  EXPECT_EQ(message_of([] { activation_of_kind("ReLU"); }), "unknown activation \"ReLU\"; did you mean \"relu\"?");
  EXPECT_THAT(message_of([] { activation_of_kind("dropout"); }),
              ::testing::StartsWith("unknown activation \"dropout\"; known are celu, "));
  EXPECT_EQ(activation_of_kind("softmax").kind(), "softmax");
}

TEST(ShapeLayers, Rearrange) {
  Network network;
  const auto x = network.input("x", {2, 3});
  const auto flat = network.add(Flatten{}, x);
  network.output("flat", flat);
  network.output("back", network.add(Reshape{{3, 2}}, flat));
  Graph graph(network.table());
  network.build(graph, 5, Mode::inference);
  EXPECT_EQ(graph.find("flat").shape(), (Shape{5, 6}));
  EXPECT_EQ(graph.find("back").shape(), (Shape{5, 3, 2}));
}

TEST(PRelu, LearnsASlopeForEachChannel) {
  for (const Shape& sample : {Shape{4}, Shape{4, 5}, Shape{4, 5, 6}}) {
    Sequential network(sample, PRelu{});
    network.initialize(1);
    EXPECT_EQ(network.parameter("prelu1.slope"), testing::matrix_of({4}, {0.25F, 0.25F, 0.25F, 0.25F}));
  }
  Sequential network({2, 2}, PRelu{});
  network.set_parameter("prelu1.slope", testing::matrix_of({2}, {0.5F, 2}));
  EXPECT_THAT(testing::run_network(network, {{"x", testing::matrix_of({1, 2, 2}, {-1, 1, -1, -3})}}).at("y"),
              ::testing::ElementsAre(-0.5, 1, -2, -6));
  EXPECT_EQ(message_of([] { Sequential({}, PRelu{}).initialize(1); }), "prelu1: expects [batch, channels, …], got [1]");
}

}  // namespace
}  // namespace neurons
