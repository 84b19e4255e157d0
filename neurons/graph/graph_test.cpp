#include "neurons/graph/graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "neurons/base/testing.hpp"
#include "neurons/graph/toy_ops_testing.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::message_of;

constexpr DType f32 = DType::f32;

class GraphTest : public ::testing::Test {
 protected:
  Graph graph{testing::toy_table()};
  Value x = graph.input("x", {f32, {2}});
  Value w = graph.state("weight", {f32, {2}});
};

TEST_F(GraphTest, KnowsItsValues) {
  EXPECT_EQ(x.name(), "x");
  EXPECT_EQ(x.type(), (TensorType{f32, {2}}));
  EXPECT_EQ(graph.info(x.id()).kind, ValueKind::input);
  EXPECT_EQ(graph.info(w.id()).kind, ValueKind::state);
  const Value c = graph.constant(Tensor::scalar(3), "three");
  EXPECT_EQ(graph.info(c.id()).kind, ValueKind::constant);
  EXPECT_EQ(graph.info(c.id()).constant->values<float>()[0], 3);
  EXPECT_EQ(graph.find("three"), c);
  EXPECT_TRUE(graph.has("weight"));
  EXPECT_FALSE(graph.has("bias"));
}

TEST_F(GraphTest, KnowsWhichNodeMakesAValue) {
  const auto outputs = graph.emit_all(graph.table()->find("Both"), std::array{x}, {});
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_EQ(graph.info(outputs[1].id()).node, 0);
  EXPECT_EQ(graph.info(outputs[1].id()).output, 1);
  EXPECT_THAT(graph.node(0).outputs, ElementsAre(outputs[0].id(), outputs[1].id()));
  EXPECT_THAT(graph.node(0).inputs, ElementsAre(x.id()));
}

TEST_F(GraphTest, KeepsReferencesWhileItGrows) {
  const Shape& shape = x.shape();
  for (int i = 0; i < 1000; ++i) x + x;
  EXPECT_EQ(shape, (Shape{2}));
  EXPECT_EQ(&shape, &graph.info(x.id()).type.shape);
}

TEST_F(GraphTest, DropsAbsentInputsAtTheEndAndKeepsThemInTheMiddle) {
  graph.emit("First", {x, Value{}, w});
  graph.emit("First", {x, Value{}, Value{}});
  EXPECT_THAT(graph.node(0).inputs, ElementsAre(x.id(), -1, w.id()));
  EXPECT_THAT(graph.node(1).inputs, ElementsAre(x.id()));
}

TEST_F(GraphTest, NamesAreTakenOnce) {
  EXPECT_EQ(message_of([&] { graph.input("weight", {}); }), "graph: the name \"weight\" is taken");
  EXPECT_EQ(message_of([&] { graph.state("x", {}); }), "graph: the name \"x\" is taken");
  EXPECT_EQ(message_of([&] { graph.constant(Tensor(), "x"); }), "graph: the name \"x\" is taken");
  EXPECT_EQ(message_of([&] { graph.input("", {}); }), "graph: an input needs a name");
  EXPECT_EQ(message_of([&] { graph.state("", {}); }), "graph: a state needs a name");
  graph.output("y", x);
  EXPECT_EQ(message_of([&] { graph.output("y", w); }), "graph: the output name \"y\" is taken");
}

TEST_F(GraphTest, RenamesValues) {
  const Value sum = x + w;
  graph.rename(sum, "sum");
  EXPECT_EQ(graph.find("sum"), sum);
  graph.rename(sum, "total");
  EXPECT_FALSE(graph.has("sum"));
  EXPECT_EQ(graph.find("total"), sum);
  EXPECT_EQ(message_of([&] { graph.rename(sum, "x"); }), "graph: the name \"x\" is taken");
  EXPECT_EQ(message_of([&] { graph.rename(sum, ""); }), "graph: a value cannot be renamed to nothing");
  EXPECT_EQ(sum.name(), "total");
}

TEST_F(GraphTest, SuggestsTheNearestName) {
  graph.output("prediction", x);
  EXPECT_EQ(graph.find("prediction"), x);
  EXPECT_EQ(message_of([&] { graph.find("wieght"); }), "graph: there is no value \"wieght\"; did you mean \"weight\"?");
  EXPECT_EQ(message_of([&] { graph.find("predictoin"); }), "graph: there is no value \"predictoin\"; did you mean \"prediction\"?");
  EXPECT_EQ(message_of([&] { graph.emit("Addd", {x, x}); }), "unknown op \"Addd\"; did you mean \"Add\"?");
}

TEST_F(GraphTest, EmitErrorsNameTheNodeAndItsInputs) {
  const Value other = graph.input("other", {DType::f64, {3}});
  graph.set_scope("dense2");
  EXPECT_EQ(message_of([&] { x + other; }), "dense2: Add: its inputs must have one type; inputs: f32[2], f64[3]");
  EXPECT_EQ(message_of([&] {
              graph.emit_all(graph.table()->find("Add"), std::array{x, other}, {}, "named");
            }),
            "named: Add: its inputs must have one type; inputs: f32[2], f64[3]");
  graph.set_scope("");
  EXPECT_EQ(message_of([&] { x + other; }), "Add: its inputs must have one type; inputs: f32[2], f64[3]");
  EXPECT_TRUE(graph.nodes().empty()) << "what failed left no node";
}

TEST_F(GraphTest, EmitErrorsShowTheOptions) {
  OpTable table = *testing::toy_table();
  OpDef picky = testing::toy_op("Picky", 1, [](const double* v) { return v[0]; });
  picky.default_options = testing::ScaledOptions{};
  picky.not_differentiable = "it is a toy";
  picky.infer = [](const InferContext& context) -> std::vector<TensorType> {
    context.require_rank(0, 2);
    return {context.inputs[0]};
  };
  table.add(picky);
  Graph own(std::make_shared<const OpTable>(table));
  const Value v = own.input("v", {f32, {2}});
  EXPECT_EQ(message_of([&] {
              own.emit("Picky", {v}, testing::ScaledOptions{0.1, {3, 4}});
            }),
            "Picky: input 0 must have 2 dimensions, has 1; inputs: f32[2]; options: factor=0.1, unused=[3, 4]");
}

TEST_F(GraphTest, RefusesTheWrongNumberOfInputs) {
  graph.set_scope("joint");
  EXPECT_EQ(message_of([&] { graph.emit("Add", {x}); }), "joint: Add: takes 2 inputs, got 1");
  EXPECT_EQ(message_of([&] { graph.emit("Step", {x, x}); }), "joint: Step: takes 1 input, got 2");
  EXPECT_EQ(message_of([&] { graph.emit("First", {x, x, x, x}); }), "joint: First: takes 1 to 3 inputs, got 4");
  EXPECT_EQ(message_of([&] { graph.emit("Add", {Value{}, x}); }), "joint: Add: input 0 is absent; it takes 2 inputs");
}

TEST_F(GraphTest, RefusesValuesOfOtherGraphsAndAbsentOnes) {
  Graph other(graph.table());
  const Value foreign = other.input("foreign", {f32, {2}});
  EXPECT_EQ(message_of([&] { x + foreign; }), "Add: the value \"foreign\" belongs to another graph");
  EXPECT_EQ(message_of([&] { graph.output("y", foreign); }), "output \"y\": the value \"foreign\" belongs to another graph");
  EXPECT_EQ(message_of([&] { graph.output("y", {}); }), "output \"y\": the value is absent");
  EXPECT_EQ(message_of([&] { graph.assign(w, foreign); }), "assign to \"weight\": the value \"foreign\" belongs to another graph");
  EXPECT_EQ(message_of([&] { graph.assign({}, x); }), "assign: the value is absent");
  EXPECT_EQ(message_of([&] { Value{} + x; }), "an absent value was used where one is needed");
  EXPECT_EQ(message_of([&] { (void)Value{}.type(); }), "an absent value was used where one is needed");
}

TEST_F(GraphTest, AssignsEachStateOnceAndInItsType) {
  EXPECT_EQ(message_of([&] { graph.assign(x, w); }), "assign: \"x\" is not a state");
  EXPECT_EQ(message_of([&] { graph.assign(w, graph.scalar(1)); }), "assign: state \"weight\" is f32[2], the value is f32[]");
  graph.assign(w, x);
  EXPECT_EQ(message_of([&] { graph.assign(w, x); }), "assign: state \"weight\" is assigned twice");
}

TEST(OpTable, RefusesWhatIsNoWholeOp) {
  OpTable table;
  const auto add = [&](const auto& change) {
    OpDef op = testing::toy_op("Toy", 1, [](const double* v) { return v[0]; });
    op.not_differentiable = "it is a toy";
    change(op);
    return message_of([&] { table.add(op); });
  };
  EXPECT_EQ(add([](OpDef& op) { op.name = ""; }), "an op without a name");
  EXPECT_EQ(add([](OpDef& op) { op.infer = nullptr; }), "op Toy: has no infer function");
  EXPECT_EQ(add([](OpDef& op) { op.reference = nullptr; }), "op Toy: needs a reference or a decomposition");
  EXPECT_EQ(add([](OpDef& op) { op.not_differentiable = ""; }),
            "op Toy: needs a gradient rule, a decomposition, or the reason why it has none");
  EXPECT_EQ(add([](OpDef&) {}), "nothing thrown");
  EXPECT_EQ(add([](OpDef&) {}), "op Toy: is in the table already");
}

TEST(OpTable, ListsOpsByNameAndCopiesShareThem) {
  const auto table = testing::toy_table();
  OpTable copy = *table;
  OpDef more = testing::toy_op("More", 1, [](const double* v) { return v[0]; });
  more.not_differentiable = "it is a toy";
  copy.add(more);
  EXPECT_FALSE(table->has("More"));
  EXPECT_TRUE(copy.has("More"));
  EXPECT_EQ(&copy.find("Add"), &table->find("Add"));
  std::vector<std::string> names;
  for (const OpDef* op : copy.all()) names.push_back(op->name);
  EXPECT_THAT(names, ElementsAre("Add", "Both", "First", "Forgetful", "More", "Mul", "Scaled", "Square", "Step", "Whole"));
}

}  // namespace
}  // namespace neurons
