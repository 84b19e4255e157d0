// Sequences of tensors, which are gone once a model is imported.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::HasSubstr;

const Tensor kThreeRows = f32({3, 2}, {1, 2, 3, 4, 5, 6});

TensorData at(const std::string& name, std::int64_t place) { return from_tensor(name, i64({}, {place})); }

/// The outputs of nodes on x, three rows of two.
std::vector<Tensor> results_of(const std::vector<NodeData>& nodes, const std::vector<std::string>& outputs,
                               std::vector<TensorData> constants = {}) {
  return run(model(nodes, {value("x", {3, 2})}, outputs, std::move(constants)), {{"x", kThreeRows}});
}

std::string fault(const std::vector<NodeData>& nodes, std::vector<TensorData> constants = {}) {
  return fault_of(model(nodes, {value("x", {3, 2})}, {"y"}, std::move(constants)));
}

TEST(Sequences, PartsAndTheirPlaces) {
  const std::vector<TensorData> places = {at("first", 0), at("last", -1), from_tensor("parts", i64({2}, {1, 2})), at("two", 2)};
  const std::vector<NodeData> nodes = {
      node("SplitToSequence", {"x"}, {"rows"}, {integer("keepdims", 0)}),
      node("SequenceAt", {"rows", "last"}, {"row"}),
      node("SplitToSequence", {"x", "parts"}, {"some"}),
      node("SequenceAt", {"some", "last"}, {"rest"}),
      node("SplitToSequence", {"x", "two"}, {"pairs"}),
      node("SequenceAt", {"pairs", "last"}, {"odd"}),
      node("SequenceLength", {"rows"}, {"count"}),
      node("ConcatFromSequence", {"rows"}, {"columns"}, {integer("axis", -1), integer("new_axis", 1)})};
  const auto results = results_of(nodes, {"row", "rest", "odd", "count", "columns"}, places);
  EXPECT_EQ(results[0], f32({2}, {5, 6}));
  EXPECT_EQ(results[1], f32({2, 2}, {3, 4, 5, 6}));
  EXPECT_EQ(results[2], f32({1, 2}, {5, 6}));
  EXPECT_EQ(results[3], i64({}, {3}));
  EXPECT_EQ(results[4], f32({2, 3}, {1, 3, 5, 2, 4, 6}));
}

TEST(Sequences, GrowAndShrink) {
  const std::vector<TensorData> places = {at("first", 0), at("end", 2), at("before", -1)};
  const std::vector<NodeData> nodes = {node("Neg", {"x"}, {"n"}),
                                       node("SequenceEmpty", {}, {"none"}),
                                       node("SequenceInsert", {"none", "x"}, {"one"}),
                                       node("SequenceInsert", {"one", "n", "first"}, {"two"}),      // n, x
                                       node("SequenceInsert", {"two", "n", "end"}, {"three"}),      // n, x, n
                                       node("SequenceInsert", {"three", "x", "before"}, {"four"}),  // n, x, x, n
                                       node("SequenceErase", {"four", "first"}, {"less"}),          // x, x, n
                                       node("SequenceErase", {"less"}, {"least"}),                  // x, x
                                       node("Identity", {"least"}, {"same"}),
                                       node("ConcatFromSequence", {"same"}, {"y"}, {integer("axis", 1)}),
                                       node("SequenceConstruct", {"n", "x"}, {"pair"}),
                                       node("SequenceAt", {"pair", "first"}, {"z"})};
  const auto results = results_of(nodes, {"y", "z"}, places);
  EXPECT_EQ(results[0], f32({3, 4}, {1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6}));
  EXPECT_EQ(results[1], f32({3, 2}, {-1, -2, -3, -4, -5, -6}));
}

TEST(Sequences, ThroughABody) {
  GraphData body;
  body.inputs = {value("item", {1, 2}), value("more", {3, 2})};
  body.nodes = {node("Add", {"item", "more"}, {"sum"})};
  body.outputs = {value("sum", {3, 2})};
  const std::vector<NodeData> nodes = {node("SplitToSequence", {"x"}, {"rows"}),
                                       node("SequenceMap", {"rows", "x"}, {"sums"}, {graph("body", body)}),
                                       node("SequenceAt", {"sums", "second"}, {"y"})};
  EXPECT_EQ(results_of(nodes, {"y"}, {at("second", 1)})[0], f32({3, 2}, {4, 6, 6, 8, 8, 10}));
}

TEST(Sequences, CarriedThroughALoop) {
  GraphData body;
  body.inputs = {value("step", {}, ElementType::i64), value("goes_on", {}, ElementType::boolean), value("before", {})};
  body.nodes = {node("Identity", {"goes_on"}, {"still"}), node("SequenceInsert", {"before", "x"}, {"after"})};
  body.outputs = {value("still", {}), value("after", {})};
  const std::vector<NodeData> nodes = {node("SequenceEmpty", {}, {"none"}),
                                       node("Loop", {"trips", "", "none"}, {"all"}, {graph("body", body)}),
                                       node("SequenceLength", {"all"}, {"y"})};
  EXPECT_EQ(results_of(nodes, {"y"}, {at("trips", 4)})[0], i64({}, {4}));
}

TEST(Sequences, WhatCannotBeDone) {
  const NodeData rows = node("SplitToSequence", {"x"}, {"rows"});
  EXPECT_THAT(fault({rows, node("SequenceAt", {"rows", "p"}, {"y"})}, {at("p", 3)}),
              HasSubstr("position 3 is outside of a sequence of 3"));
  EXPECT_THAT(fault({rows, node("Relu", {"rows"}, {"y"})}), HasSubstr("its input 0 is a sequence of 3 tensors, not a tensor"));
  EXPECT_THAT(fault({rows, node("Softmax", {"rows"}, {"y"})}), HasSubstr("its input 0 is a sequence of 3 tensors, not a tensor"));
  EXPECT_THAT(fault({node("SequenceAt", {"x", "p"}, {"y"})}, {at("p", 0)}), HasSubstr("its input 0 is no sequence"));
  EXPECT_THAT(fault({node("SplitToSequence", {"x"}, {"y"})}), HasSubstr("output \"y\" is a sequence of tensors"));
  EXPECT_THAT(fault({node("SequenceEmpty", {}, {"none"}), node("ConcatFromSequence", {"none"}, {"y"})}),
              HasSubstr("joins no tensors"));
  EXPECT_THAT(fault({node("SequenceEmpty", {}, {"none"}), node("SequenceErase", {"none"}, {"y"})}),
              HasSubstr("out of an empty sequence"));
}

}  // namespace
}  // namespace neurons::onnx
