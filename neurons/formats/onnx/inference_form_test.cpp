#include "neurons/formats/onnx/inference_form.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/formats/onnx/check.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// y = (normalised x, half of it dropped) · w, as PyTorch writes a module that trains.
Model that_trains() {
  Tensor yes(DType::boolean, Shape{});
  yes.values<bool>()[0] = true;
  return model(
      {node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"n", "m.new", "v.new"}, {integer("training_mode", 1)}),
       node("Constant", {}, {"yes"}, {tensor("value", yes)}), node("Dropout", {"n", "half", "yes"}, {"d", "mask"}),
       node("Gemm", {"d", "w"}, {"y"})},
      {value("x", {std::string("batch"), std::int64_t{2}})}, {"y"},
      {from_tensor("s", f32({2}, {1, 1})), from_tensor("b", f32({2}, {0, 0})), from_tensor("m", f32({2}, {1, 2})),
       from_tensor("v", f32({2}, {1, 4})), from_tensor("half", Tensor::scalar(0.5F)), from_tensor("w", f32({2, 2}, {1, 0, 0, 1}))},
      14);
}

TEST(InferenceForm, RunningStatisticsCountAndNothingIsDropped) {
  Model source = that_trains();
  EXPECT_THAT(fault_of(source), HasSubstr("drops at random"));
  to_inference_form(source);
  EXPECT_EQ(
      source.left_out,
      "BatchNormalization and Dropout in the file's training form: here nothing is dropped, and running statistics count while "
      "nothing is trained");
  const Tensor y = run(source, {{"x", f32({1, 2}, {3, 4})}})[0];
  EXPECT_NEAR(y.values<float>()[0], 2, 1e-4);
  EXPECT_NEAR(y.values<float>()[1], 1, 1e-4);
  Model again = source;
  again.left_out.clear();
  to_inference_form(again);
  EXPECT_EQ(again.left_out, "");
}

TEST(InferenceForm, IsWhatNetworksAndCheckTake) {
  const Network network = to_network(std::make_shared<const Model>(that_trains()), {});
  EXPECT_THAT(left_out_of(network), HasSubstr("training form"));
  Graph graph(ops::table());
  network.build(graph, 4, Mode::training);
  EXPECT_EQ(graph.assignments().size(), 2U) << "running statistics, while it is trained";
  const Check found = check(that_trains(), ops::table());
  EXPECT_TRUE(found.runs);
  EXPECT_TRUE(found.trains);
  EXPECT_THAT(found.notes, Contains(HasSubstr("training form")));
}

TEST(InferenceForm, WhatIsReadOrNotKnownStays) {
  Model source = that_trains();
  source.graph.outputs.push_back({"m.new", ElementType::f32, true, std::nullopt});
  source.graph.inputs.push_back(value("flag", {}, ElementType::boolean));
  source.graph.nodes[2].inputs[2] = "flag";
  to_inference_form(source);
  EXPECT_EQ(source.left_out, "");
  EXPECT_THAT(source.graph.nodes[0].outputs, ElementsAre("n", "m.new", "v.new"));
  EXPECT_EQ(source.graph.nodes[2].inputs.size(), 3U);
}

TEST(InferenceForm, ReachesFunctionsAndBodies) {
  Model source = that_trains();
  GraphData body;
  body.nodes = {node("Dropout", {"n", "half", "yes"}, {"inner"})};
  body.outputs = {value("inner", {})};
  source.graph.nodes.push_back(node("If", {"yes"}, {"z"}, {graph("then_branch", body), graph("else_branch", body)}));
  FunctionData drop = function(
      "Drop", {node("Constant", {}, {"on"}, {source.graph.nodes[1].attributes[0]}), node("Dropout", {"a", "", "on"}, {"b"})});
  source.functions = {drop};
  to_inference_form(source);
  EXPECT_EQ(source.graph.nodes.back().attributes[0].graph->nodes[0].inputs.size(), 2U);
  EXPECT_EQ(source.functions[0].nodes[1].inputs.size(), 2U);
}

}  // namespace
}  // namespace neurons::onnx
