// How models end: the scores behind what they give, and that the output is what the ending says it is of those.

#include "neurons/formats/onnx/ending.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;

constexpr std::size_t kClasses = 3;

struct Case {
  std::string name;
  std::vector<NodeData> tail;  ///< from scores "s" [2, 3] or one logit "z" [2, 1] to "y"
  Ending ending = Ending::shares;
  std::int64_t opset = 17;
};

Model ending_in(const Case& tested) {
  std::vector<NodeData> nodes = {node("MatMul", {"x", "w"}, {"s"}), node("MatMul", {"x", "v"}, {"z"})};
  nodes.insert(nodes.end(), tested.tail.begin(), tested.tail.end());
  return model(
      nodes, {value("x", {std::int64_t{2}, std::int64_t{2}})}, {"y"},
      {from_tensor("w", f32({2, 3}, {1, -2, 0.5F, 0.25F, 1, -1})), from_tensor("v", f32({2, 1}, {1.5F, -1})),
       from_tensor("one", Tensor::scalar(1.0F)), from_tensor("pixel", i64({4}, {-1, 3, 1, 1})),
       from_tensor("axes", i64({2}, {2, 3})), from_tensor("merged", i64({1}, {6})), from_tensor("other", f32({2, 1}, {3, 4}))},
      tested.opset);
}

struct Found {
  Scores scores;
  Tensor y;
  Tensor given;  ///< the scores' numbers
};

Found found_of(const Case& tested) {
  const ReadBack back(ending_in(tested));
  Graph graph = to_graph(back.model, ops::table());
  const Value y = graph.value(graph.outputs().front().value);
  const Scores scores = scores_of(y);
  graph.output("scores", scores.value == y ? graph.emit("Identity", {y}) : scores.value);
  Plan plan = compile(graph, std::make_shared<StateStore>(graph.table()));
  plan.input("x").assign(f32({2, 2}, {0.5F, -1, 2, 0.75F}));
  plan.run();
  return {{scores.ending, {}}, plan.output("y").copy(), plan.output("scores").copy()};
}

void expect_softmax(const Found& found) {
  ASSERT_EQ(found.y.shape(), found.given.shape());
  const auto y = found.y.values<float>();
  const auto scores = found.given.values<float>();
  const std::size_t classes = y.size() / 2;
  for (std::size_t row = 0; row < 2; ++row) {
    double sum = 0;
    for (std::size_t i = 0; i < classes; ++i) sum += std::exp(static_cast<double>(scores[row * classes + i]));
    for (std::size_t i = row * classes; i < (row + 1) * classes; ++i) {
      const double share = std::exp(static_cast<double>(scores[i])) / sum;
      EXPECT_NEAR(static_cast<double>(y[i]), found.scores.ending == Ending::shares ? share : std::log(share), 1e-5);
    }
  }
}

const std::vector<NodeData> kSoftmax = {node("Softmax", {"s"}, {"p"})};

std::vector<NodeData> after(std::vector<NodeData> nodes, const std::vector<NodeData>& more) {
  nodes.insert(nodes.end(), more.begin(), more.end());
  return nodes;
}

TEST(Ending, ScoresAreFoundBehindWhatChangesNoNumber) {
  const std::vector<NodeData> pixels = {node("Reshape", {"s", "pixel"}, {"m"}),
                                        node("Softmax", {"m"}, {"p"}, {integer("axis", 1)})};
  const std::vector<NodeData> sigmoid = {node("Sigmoid", {"z"}, {"p"}), node("Sub", {"one", "p"}, {"q"})};
  const std::vector<Case> cases = {
      {"softmax", {node("Softmax", {"s"}, {"y"})}},
      {"logarithms", {node("LogSoftmax", {"s"}, {"y"})}, Ending::logarithms},
      {"identity", after(kSoftmax, {node("Identity", {"p"}, {"i"}), node("Identity", {"i"}, {"y"})})},
      {"cast", after(kSoftmax, {node("Cast", {"p"}, {"y"}, {integer("to", 1)})})},
      {"cast to double precision",
       after(kSoftmax, {node("Cast", {"p"}, {"d"}, {integer("to", 11)}), node("Cast", {"d"}, {"y"}, {integer("to", 1)})})},
      {"dropout", after(kSoftmax, {node("Dropout", {"p"}, {"y"})})},
      {"flatten", after(kSoftmax, {node("Flatten", {"p"}, {"y"})})},
      {"pixels, flattened", after(pixels, {node("Flatten", {"p"}, {"y"})})},
      {"pixels, squeezed", after(pixels, {node("Squeeze", {"p", "axes"}, {"y"})})},
      {"pixels", after(pixels, {node("Identity", {"p"}, {"y"})})},
      {"pixels, channels last", after(pixels, {node("Transpose", {"p"}, {"y"}, {integers("perm", {0, 2, 3, 1})})})},
      {"axes added", after(kSoftmax, {node("Unsqueeze", {"p", "axes"}, {"y"})})},
      {"an old softmax of pixels", {node("Reshape", {"s", "pixel"}, {"m"}), node("Softmax", {"m"}, {"y"})}, Ending::shares, 9},
      {"logarithm of softmax", after(kSoftmax, {node("Log", {"p"}, {"y"})}), Ending::logarithms},
      {"exponential of logarithms", {node("LogSoftmax", {"s"}, {"l"}), node("Exp", {"l"}, {"y"})}},
      {"one and the rest", after(sigmoid, {node("Concat", {"q", "p"}, {"y"}, {integer("axis", 1)})})},
      {"the rest and one",
       after(sigmoid, {node("Concat", {"p", "q"}, {"c"}, {integer("axis", -1)}), node("Identity", {"c"}, {"y"})})},
  };
  for (const Case& tested : cases) {
    SCOPED_TRACE(tested.name);
    const Found found = found_of(tested);
    EXPECT_EQ(found.scores.ending, tested.ending);
    expect_softmax(found);
    EXPECT_NE(found.given, found.y);
  }
}

TEST(Ending, SharesOfUnknownOriginAreTheSoftmaxOfTheirLogarithm) {
  const Found found = found_of({"",
                                {node("HardSigmoid", {"z"}, {"p"}), node("Sub", {"one", "p"}, {"q"}),
                                 node("Concat", {"q", "p"}, {"y"}, {integer("axis", 1)})}});
  EXPECT_EQ(found.scores.ending, Ending::shares);
  expect_softmax(found);
}

TEST(Ending, EachForItself) {
  const Found found = found_of({"", {node("Sigmoid", {"s"}, {"p"}), node("Identity", {"p"}, {"y"})}});
  EXPECT_EQ(found.scores.ending, Ending::each);
  ASSERT_EQ(found.y.shape(), (Shape{2, kClasses}));
  for (std::size_t i = 0; i < 2 * kClasses; ++i) {
    EXPECT_NEAR(found.y.values<float>()[i], 1 / (1 + std::exp(-found.given.values<float>()[i])), 1e-6F);
  }
}

TEST(Ending, WhatOperatorsDoNotTellIsTakenAsItIs) {
  const std::vector<Case> cases = {
      {"scores", {node("Identity", {"s"}, {"y"})}},
      {"along samples", {node("Softmax", {"s"}, {"y"}, {integer("axis", 0)})}},
      {"two rows of classes as one", after(kSoftmax, {node("Reshape", {"p", "merged"}, {"y"})})},
      {"turned", after(kSoftmax, {node("Transpose", {"p"}, {"y"})})},
      {"scaled", after(kSoftmax, {node("Add", {"p", "p"}, {"y"})})},
      {"logarithm of each", {node("Sigmoid", {"s"}, {"p"}), node("Log", {"p"}, {"y"})}},
      {"an old softmax over steps and classes",
       {node("Reshape", {"s", "pixel"}, {"m"}), node("Transpose", {"m"}, {"t"}, {integers("perm", {0, 2, 1, 3})}),
        node("Softmax", {"t"}, {"o"}, {integer("axis", 0)}), node("Identity", {"o"}, {"y"})},
       Ending::unknown,
       9},
      {"two of which neither is the rest",
       {node("Sigmoid", {"z"}, {"p"}), node("Sub", {"other", "p"}, {"q"}),
        node("Concat", {"q", "p"}, {"y"}, {integer("axis", 1)})}},
      {"of the input", {node("Softmax", {"x"}, {"y"})}},
  };
  for (const Case& tested : cases) {
    SCOPED_TRACE(tested.name);
    const Found found = found_of(tested);
    EXPECT_EQ(found.scores.ending, Ending::unknown);
    EXPECT_EQ(found.given, found.y);
  }
}

}  // namespace
}  // namespace neurons::onnx
