#include "neurons/formats/onnx/edit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using neurons::testing::message_of;
using onnx::testing::node;
using onnx::testing::value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// y = softmax(x · w + b)
GraphData classifier(std::vector<Dim> output) {
  GraphData graph;
  graph.inputs = {value("x", {std::string("N"), std::int64_t{4}})};
  graph.outputs = {value("y", std::move(output))};
  graph.initializers = {from_tensor("w", Tensor(DType::f32, {4, 3})), from_tensor("b", Tensor(DType::f32, {3}))};
  graph.nodes = {node("Gemm", {"x", "w", "b"}, {"scores"}), node("Softmax", {"scores"}, {"y"})};
  return graph;
}

TEST(Edit, PeelsTheActivationBehindScores) {
  GraphData graph = classifier({std::string("N"), std::int64_t{3}});
  EXPECT_EQ(peel(graph, "y", 13).op_type, "Softmax");
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_THAT(graph.nodes.front().outputs, ElementsAre("y"));
  EXPECT_EQ(peel(graph, "y", 13).op_type, "") << "nothing is left to peel";
}

TEST(Edit, AnOldSoftmaxIsPeeledOnlyWhereItMeansTheSame) {
  GraphData flat = classifier({std::string("N"), std::int64_t{3}});
  EXPECT_EQ(peel(flat, "y", 12).op_type, "Softmax");
  GraphData steps = classifier({std::string("N"), std::int64_t{5}, std::int64_t{3}});  // over steps and classes at once
  EXPECT_EQ(peel(steps, "y", 12).op_type, "");
  EXPECT_EQ(steps.nodes.size(), 2U);
  GraphData unsaid = classifier({});
  unsaid.outputs.front().dims.reset();
  EXPECT_EQ(peel(unsaid, "y", 12).op_type, "");
}

TEST(Edit, AFreshHeadHasAsManyNeuronsAsAreAsked) {
  GraphData graph = classifier({std::string("N"), std::int64_t{3}});
  EXPECT_THAT(replace_head(graph, "y", 7), ElementsAre("b", "w"));
  EXPECT_THAT(graph.initializer("w")->dims, ElementsAre(4, 7));
  EXPECT_THAT(graph.initializer("b")->dims, ElementsAre(7));
  EXPECT_EQ(to_tensor(*graph.initializer("w"), {}), Tensor(DType::f32, {4, 7}));
  EXPECT_THAT(message_of([&] { replace_head(graph, "z", 7); }), HasSubstr("no output \"z\""));
}

TEST(Edit, AHeadWhoseWeightsOthersReadGetsItsOwn) {
  GraphData graph = classifier({std::string("N"), std::int64_t{3}});
  graph.nodes.push_back(node("Identity", {"w"}, {"other"}));
  EXPECT_THAT(replace_head(graph, "y", 7), ElementsAre("b", "w.head"));
  EXPECT_THAT(graph.initializer("w")->dims, ElementsAre(4, 3));
}

TEST(Edit, StatisticsBehindAnotherNameAreNoParameters) {
  Model model;
  model.graph.initializers = {from_tensor("ones", Tensor(DType::f32, {4}))};
  model.graph.nodes = {node("Identity", {"ones"}, {"variance"}),
                       node("BatchNormalization", {"x", "s", "b", "m", "variance"}, {"y"})};
  EXPECT_EQ(roles_of(model, *ops::table()).at("ones"), Role::statistic);
}

TEST(Edit, DropoutStandsBeforeTheHeadOnce) {
  GraphData graph = classifier({std::string("N"), std::int64_t{3}});
  insert_dropout(graph, "y", 0.5F);
  insert_dropout(graph, "y", 0.5F);
  EXPECT_EQ(graph.nodes.size(), 3U);
  EXPECT_EQ(graph.nodes.front().inputs.front(), "x.dropped");
}

}  // namespace
}  // namespace neurons::onnx
