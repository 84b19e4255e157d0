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

TEST(Edit, WhatAValueIsComputedFrom) {
  GraphData branch;
  branch.nodes = {node("Mul", {"scores", "scale"}, {"inner"})};
  branch.outputs = {value("inner", {})};
  GraphData graph = classifier({std::string("N"), std::int64_t{3}});
  graph.nodes.push_back(node("If", {"yes"}, {"z"}, {onnx::testing::graph("then_branch", branch)}));
  EXPECT_THAT(values_behind(graph, "y"), ElementsAre("b", "scores", "w", "x", "y"));
  EXPECT_THAT(values_behind(graph, "z"), ElementsAre("b", "inner", "scale", "scores", "w", "x", "yes", "z"));
}

TEST(Edit, AFreshHeadHasAsManyNeuronsAsAreAsked) {
  GraphData graph = classifier({std::string("N"), std::int64_t{3}});
  EXPECT_THAT(replace_head(graph, "y", 7), ElementsAre("b", "w"));
  EXPECT_THAT(graph.initializer("w")->dims, ElementsAre(4, 7));
  EXPECT_THAT(graph.initializer("b")->dims, ElementsAre(7));
  EXPECT_EQ(to_tensor(*graph.initializer("w"), {}), Tensor(DType::f32, {4, 7}));
  EXPECT_THAT(message_of([&] { replace_head(graph, "z", 7); }), HasSubstr("no output \"z\""));
}

/// y = (1 − p, p) of one neuron, as scikit-learn's classifiers of two classes are exported.
GraphData binary_classifier() {
  GraphData graph;
  graph.inputs = {value("x", {std::string("N"), std::int64_t{4}})};
  graph.outputs = {value("y", {std::string("N"), std::int64_t{2}})};
  graph.initializers = {from_tensor("w", Tensor(DType::f32, {4, 1})), from_tensor("b", Tensor(DType::f32, {1, 1})),
                        from_tensor("one", Tensor::scalar(1))};
  graph.nodes = {node("MatMul", {"x", "w"}, {"product"}), node("Add", {"product", "b"}, {"scores"}),
                 node("Sigmoid", {"scores"}, {"p"}), node("Sub", {"one", "p"}, {"q"}),
                 node("Concat", {"q", "p"}, {"y"}, {onnx::testing::integer("axis", 1)})};
  return graph;
}

TEST(Edit, AFreshHeadOfATwoClassClassifierHasProbabilitiesOfItsOwn) {
  GraphData graph = binary_classifier();
  EXPECT_THAT(replace_head(graph, "y", 3), ElementsAre("b", "w"));
  EXPECT_THAT(graph.initializer("b")->dims, ElementsAre(1, 3));
  EXPECT_EQ(graph.nodes.size(), 3U) << "nothing of what joined them is left";
  EXPECT_EQ(graph.nodes.back().op_type, "Softmax");
  EXPECT_THAT(graph.nodes.back().inputs, ElementsAre("scores"));
  EXPECT_EQ(graph.outputs.front().dims->back(), Dim(std::int64_t{3}));
  GraphData one = binary_classifier();
  replace_head(one, "y", 1);
  EXPECT_EQ(one.nodes.back().op_type, "Concat");
  GraphData two = binary_classifier();
  two.initializers.push_back(from_tensor("v", Tensor(DType::f32, {4, 1})));
  two.nodes[3] = node("MatMul", {"x", "v"}, {"q"});
  EXPECT_THAT(message_of([&] { replace_head(two, "y", 3); }),
              HasSubstr("a head of 3 neurons: y (Concat) joins results of several weighted sums"));
}

TEST(Edit, AReshapeBehindAFreshHeadHasItsOwnShape) {
  GraphData graph = classifier({std::string("N"), std::int64_t{3}});
  graph.initializers.push_back(from_tensor("shape", Tensor::of<std::int64_t>({2}, {-1, 3})));
  graph.nodes[1] = node("Reshape", {"scores", "shape"}, {"rows"});
  graph.nodes.push_back(node("Reshape", {"rows", "shape"}, {"y"}));
  graph.nodes.push_back(node("Reshape", {"x", "shape"}, {"other"}));
  replace_head(graph, "y", 7);
  const auto shape_of = [&](std::size_t index) { return to_tensor(*graph.initializer(graph.nodes[index].inputs[1]), {}); };
  EXPECT_EQ(shape_of(1), Tensor::of<std::int64_t>({2}, {-1, 7}));
  EXPECT_EQ(shape_of(2), Tensor::of<std::int64_t>({2}, {-1, 7}));
  EXPECT_NE(graph.nodes[1].inputs[1], graph.nodes[2].inputs[1]) << "two names";
  EXPECT_EQ(shape_of(3), Tensor::of<std::int64_t>({2}, {-1, 3}));
}

TEST(Edit, AHeadOfAnotherWidthBeforeNumbersOfItsOwn) {
  const auto with = [](const NodeData& last) {
    GraphData graph = classifier({std::string("N"), std::int64_t{3}});
    graph.initializers.push_back(from_tensor("c", Tensor(DType::f32, {3})));
    graph.nodes[1] = last;
    return graph;
  };
  for (const NodeData& last :
       {node("BatchNormalization", {"scores", "c", "c", "c", "c"}, {"y"}), node("Mul", {"c", "scores"}, {"y"})}) {
    GraphData graph = with(last);
    const std::string named =
        fmt::format("y ({}) behind it has numbers of its own for each of the 3 that there are (\"c\")", last.op_type);
    EXPECT_THAT(message_of([&] { replace_head(graph, "y", 7); }), HasSubstr(named));
    EXPECT_THAT(graph.initializer("w")->dims, ElementsAre(4, 3)) << "as it was";
    replace_head(graph, "y", 3);
  }
}

/// The nearest sum is none, and no sum before it is taken for the head.
TEST(Edit, SumsThatAreNoHeads) {
  const auto complaint = [](const NodeData& last) {
    GraphData graph = classifier({std::string("N"), std::int64_t{3}});
    graph.initializers.push_back(from_tensor("v", Tensor(DType::f32, {3, 3})));
    graph.nodes[1] = last;
    graph.nodes.push_back(node("Identity", {"v"}, {"same"}));
    return message_of([&] { replace_head(graph, "y", 7); });
  };
  GraphData body;
  body.nodes = {node("MatMul", {"scores", "v"}, {"inner"})};
  body.outputs = {value("inner", {})};
  EXPECT_THAT(
      complaint(node("If", {"yes"}, {"y"}, {onnx::testing::graph("then_branch", body)})),
      HasSubstr("the last weighted sum before the output \"y\" is y (If), which is no head: its sums are inside of a body"));
  EXPECT_THAT(complaint(node("Einsum", {"scores", "v"}, {"y"})), HasSubstr("y (Einsum), which is no head: which axes"));
  EXPECT_THAT(complaint(node("MatMul", {"v", "scores"}, {"y"})),
              HasSubstr("y (MatMul), which is no head: its weights are on the left"));
  EXPECT_THAT(complaint(node("MatMul", {"scores", "same"}, {"y"})), HasSubstr("its weights are computed from others"));
  EXPECT_THAT(complaint(node("MatMul", {"scores", "scores"}, {"y"})), HasSubstr("it multiplies two results"));
  EXPECT_THAT(complaint(node("GRU", {"scores", "v", "v"}, {"y"})),
              HasSubstr("y (GRU), which is no head: neurons of that operator"));
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

TEST(Edit, StatisticsOfTwoNormalisationsStay) {
  Model model;
  model.graph.initializers = {from_tensor("m", Tensor(DType::f32, {4})), from_tensor("v", Tensor(DType::f32, {4}))};
  model.graph.nodes = {node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"})};
  EXPECT_EQ(roles_of(model, *ops::table()).at("m"), Role::statistic);
  model.graph.nodes.push_back(node("BatchNormalization", {"y", "s", "b", "m", "v"}, {"z"}));
  EXPECT_EQ(roles_of(model, *ops::table()).at("m"), Role::constant);
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
