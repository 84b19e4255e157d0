#include "neurons/graph/gradients.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "neurons/base/testing.hpp"
#include "neurons/graph/print.hpp"
#include "neurons/graph/toy_ops_testing.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::evaluate;
using testing::message_of;
using testing::toy_constant;

class Gradients : public ::testing::Test {
 protected:
  Value gradient(Value loss, Value with_respect_to, Value seed = {}) {
    return gradients(loss, std::array{with_respect_to}, seed).front();
  }
  Value square(Value x) { return graph.emit("Square", {x}); }

  Graph graph{testing::toy_table()};
};

TEST_F(Gradients, FollowTheProductRule) {
  const Value x = toy_constant(graph, {2, -3});
  const Value y = toy_constant(graph, {5, 7});
  const auto both = gradients(x * y, std::array{x, y});
  EXPECT_THAT(evaluate(both[0] * toy_constant(graph, {100, 100}) + both[1]), ElementsAre(502, 697));
}

TEST_F(Gradients, AddUpWherePathsMeet) {
  const Value x = toy_constant(graph, {2, -3});
  // x³ + x by three paths through products and one straight on: 3x² + 1.
  EXPECT_THAT(evaluate(gradient(x * x * x + x, x)), ElementsAre(13, 28));
}

TEST_F(Gradients, AddUpWhereOneValueIsAnInputTwice) {
  const Value x = toy_constant(graph, {3});
  EXPECT_THAT(evaluate(gradient(x + x, x)), ElementsAre(2));
}

TEST_F(Gradients, CanBeDifferentiatedAgain) {
  const Value x = toy_constant(graph, {2, -3});
  const Value first = gradient(x * x * x, x);
  const Value second = gradient(first, x);
  EXPECT_THAT(evaluate(gradient(second, x)), ElementsAre(6, 6));  // and a third time
}

TEST_F(Gradients, SecondDerivativeIsRight) {
  const Value x = toy_constant(graph, {2, -3});
  EXPECT_THAT(evaluate(gradient(gradient(x * x * x, x), x)), ElementsAre(12, -18));
}

TEST_F(Gradients, GoThroughDecompositions) {
  const Value x = toy_constant(graph, {2, -3});
  EXPECT_THAT(evaluate(gradient(square(square(x)), x)), ElementsAre(32, -108));  // 4x³
}

TEST_F(Gradients, OfADecompositionDifferentiateAgain) {
  const Value x = toy_constant(graph, {2, -3});
  EXPECT_THAT(evaluate(gradient(gradient(square(square(x)), x), x)), ElementsAre(48, 108));  // 12x²
}

TEST_F(Gradients, TakeUnusedOutputsForZero) {
  const Value x = toy_constant(graph, {2, -3});
  const auto outputs = graph.emit_all(graph.table()->find("Both"), std::array{x}, {});
  EXPECT_THAT(evaluate(gradient(square(outputs[1]), x)), ElementsAre(16, -24));  // (2x)² → 8x
}

TEST_F(Gradients, AreZeroForWhatTheLossDoesNotDependOn) {
  const Value x = toy_constant(graph, {2, -3});
  const Value other = toy_constant(graph, {1, 1, 1});
  const Value unused = other + other;
  const auto all = gradients(x * x, std::array{other, unused, x});
  EXPECT_EQ(all[0].shape(), (Shape{3}));
  EXPECT_EQ(all[1].shape(), (Shape{3}));
  EXPECT_THAT(evaluate(all[0]), ElementsAre(0, 0, 0));
}

TEST_F(Gradients, ReachValuesInTheMiddleAndTheLossItself) {
  const Value x = toy_constant(graph, {2, -3});
  const Value middle = x * x;
  const Value loss = middle * x;
  const auto all = gradients(loss, std::array{middle, loss, x});
  const Value sum = all[0] + all[1] * toy_constant(graph, {100, 100});
  EXPECT_THAT(evaluate(sum), ElementsAre(102, 97));
}

TEST_F(Gradients, AreWeightedByTheSeed) {
  const Value x = toy_constant(graph, {2, -3});
  EXPECT_THAT(evaluate(gradient(x * x, x, toy_constant(graph, {10, 0.5F}))), ElementsAre(40, -3));
}

TEST_F(Gradients, WorkInDouble) {
  const Value x = graph.constant(Tensor::of<double>({1}, std::vector<double>{3}));
  const Value slope = gradient(x * x, x);
  EXPECT_EQ(slope.type(), (TensorType{DType::f64, {1}}));
  graph.output("slope", slope);
  const Graph folded = fold_constants(graph);
  EXPECT_EQ(folded.info(folded.outputs()[0].value).constant->values<double>()[0], 6);
}

TEST_F(Gradients, SkipWhatNobodyWaitsFor) {
  const Value x = graph.input("x", {DType::f32, {1}});
  const Value w = graph.state("w", {DType::f32, {1}});
  const std::size_t before = graph.nodes().size();
  gradient(x * w, w);
  EXPECT_EQ(graph.nodes().size(), before + 2) << "the product and x · seed, nothing for x:\n" << to_string(graph);
}

TEST_F(Gradients, CarryTheNamesOfTheNodesTheyBelongTo) {
  const Value x = graph.input("x", {DType::f32, {1}});
  graph.set_scope("dense1");
  const Value loss = x * x;
  graph.set_scope("outer");
  gradient(loss, x);
  EXPECT_EQ(graph.scope(), "outer");
  EXPECT_EQ(graph.nodes()[1].name, "dense1");
}

TEST_F(Gradients, NameTheNodeThatHasNone) {
  const Value x = graph.input("x", {DType::f32, {2}});
  graph.set_scope("gate1");
  const Value gate = graph.emit("Step", {x});
  graph.set_scope("");
  EXPECT_EQ(message_of([&] { gradient(gate * x, x); }), "gate1: Step has no gradient: it is flat wherever it is smooth");
  EXPECT_EQ(message_of([&] { gradient(graph.emit("Step", {x}), x); }), "Step has no gradient: it is flat wherever it is smooth");
  const Value w = graph.state("w", {DType::f32, {2}});
  EXPECT_NO_THROW(gradient(graph.emit("Step", {x}) * w, w)) << "x is not asked for: no path passes the step";
}

TEST_F(Gradients, RefuseARuleThatForgetsAnInput) {
  const Value x = graph.input("x", {DType::f32, {2}});
  const Value w = graph.state("w", {DType::f32, {2}});
  graph.set_scope("gate1");
  const Value product = graph.emit("Forgetful", {x, w});
  EXPECT_EQ(message_of([&] { gradient(product, w); }),
            "gate1: Forgetful: its gradient rule states no gradient of input 1, which is to learn; state it with set(), or, if the "
            "derivative is 0 wherever there is one, say so with set_zero()");
  EXPECT_NO_THROW(gradient(product, x));
  const Value steps = graph.emit("Whole", {w});
  EXPECT_NO_THROW(gradient(steps * w, w)) << "one path has steps, the other has a slope";
}

TEST_F(Gradients, RefuseWhatHasNone) {
  const Value x = graph.input("x", {DType::f32, {2}});
  const Value label = graph.input("label", {DType::i64, {2}});
  Graph other(graph.table());
  const Value foreign = other.input("foreign", {DType::f32, {2}});
  EXPECT_EQ(message_of([&] { gradient(label, x); }), "gradients: the loss must be a float, is i64[2]");
  EXPECT_EQ(message_of([&] { gradient(x, label); }), "gradients: \"label\" is i64[2]; only floats have gradients");
  EXPECT_EQ(message_of([&] { gradient(x, foreign); }), "gradients: \"foreign\" belongs to another graph than the loss");
  EXPECT_EQ(message_of([&] { gradient(x, x, toy_constant(graph, {1})); }), "gradients: the seed is f32[1], the loss f32[2]");
  EXPECT_EQ(message_of([&] { gradient({}, x); }), "an absent value was used where one is needed");
}

TEST_F(Gradients, RefuseARuleOfTheWrongShape) {
  OpTable table = *testing::toy_table();
  OpDef wrong = testing::toy_op("Wrong", 1, [](const double* x) { return x[0]; });
  wrong.gradient = [](GradientContext& context) { context.set(0, context.graph().constant(Tensor(DType::f32, {5}))); };
  table.add(wrong);
  Graph own(std::make_shared<const OpTable>(table));
  const Value x = own.input("x", {DType::f32, {2}});
  own.set_scope("layer3");
  EXPECT_EQ(message_of([&] { gradients(own.emit("Wrong", {x}), std::array{x}); }),
            "layer3: Wrong: the gradient of input 0 has shape [5], the input [2]");
}

}  // namespace
}  // namespace neurons
