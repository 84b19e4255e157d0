#include "neurons/graph/rewrite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "neurons/base/testing.hpp"
#include "neurons/graph/print.hpp"
#include "neurons/graph/toy_ops_testing.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::message_of;

class Rewrite : public ::testing::Test {
 protected:
  Value scaled(Value value, double factor) { return graph.emit("Scaled", {value}, testing::ScaledOptions{factor, {}}); }
  static std::vector<std::string> ops_of(const Graph& result) {
    std::vector<std::string> names;
    for (const Node& node : result.nodes()) names.push_back(node.op->name);
    return names;
  }

  Graph graph{testing::toy_table()};
  Value x = graph.input("x", {DType::f32, {2}});
  Value w = graph.state("w", {DType::f32, {2}});
};

TEST_F(Rewrite, CopiesWhatNoRuleTouches) {
  graph.set_scope("layer");
  const auto both = graph.emit_all(graph.table()->find("Both"), std::array{x}, {});
  graph.output("y", graph.emit("First", {both[1], Value{}, w}));
  graph.assign(w, scaled(both[0], 0.5));
  const Graph copy = rewrite(graph, [](const RewriteContext&) { return std::nullopt; });
  EXPECT_EQ(to_string(copy), to_string(graph));
}

TEST_F(Rewrite, PutsTheRulesValuesInPlace) {
  graph.output("y", scaled(x, 2) * w);
  const Graph result = rewrite(graph, [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    if (context.op.name != "Scaled") return std::nullopt;
    return std::vector{context.inputs[0] + context.inputs[0]};
  });
  EXPECT_THAT(ops_of(result), ElementsAre("Add", "Mul"));
}

TEST_F(Rewrite, GivesNewNodesTheNameOfTheOld) {
  graph.set_scope("dense1");
  const Value y = scaled(x, 2);
  graph.set_scope("");
  graph.output("y", y * w);
  const Graph result = rewrite(graph, [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    if (context.op.name != "Scaled") return std::nullopt;
    return std::vector{context.inputs[0] + context.inputs[0]};
  });
  EXPECT_EQ(result.node(0).name, "dense1");
  EXPECT_EQ(result.node(1).name, "");
  EXPECT_EQ(result.scope(), "");
}

TEST_F(Rewrite, RefusesARuleThatChangesATypeOrForgetsAnOutput) {
  graph.set_scope("layer");
  graph.output("y", scaled(x, 2));
  EXPECT_EQ(message_of([&] { rewrite(graph, [](const RewriteContext& context) { return std::vector{context.graph.scalar(1)}; }); }),
            "layer: Scaled: is f32[2], its replacement f32[]");
  EXPECT_EQ(message_of([&] { rewrite(graph, [](const RewriteContext&) { return std::vector<Value>{}; }); }),
            "layer: Scaled: has 1 output(s), its replacement 0");
}

TEST_F(Rewrite, RemovesDeadNodesButKeepsTheSignature) {
  graph.input("unused", {DType::f32, {3}});
  scaled(scaled(x, 2), 3);
  const auto both = graph.emit_all(graph.table()->find("Both"), std::array{w}, {});
  graph.output("y", both[1]);
  const Graph result = remove_dead_nodes(graph);
  EXPECT_THAT(ops_of(result), ElementsAre("Both"));
  EXPECT_TRUE(result.has("unused"));
  EXPECT_TRUE(result.has("x"));
}

TEST_F(Rewrite, KeepsWhatOnlyAnAssignmentNeeds) {
  graph.assign(w, scaled(w, 2));
  EXPECT_THAT(ops_of(remove_dead_nodes(graph)), ElementsAre("Scaled"));
}

TEST_F(Rewrite, MergesEqualNodes) {
  graph.output("y", scaled(x, 2) * scaled(x, 2));
  graph.output("z", scaled(x, 2));
  const Graph result = merge_equal_nodes(graph);
  EXPECT_THAT(ops_of(result), ElementsAre("Scaled", "Mul"));
  EXPECT_THAT(result.node(1).inputs, ElementsAre(result.node(0).outputs[0], result.node(0).outputs[0]));
}

TEST_F(Rewrite, MergesNodesWithNearlyEqualOptionsNever) {
  const double next = std::nextafter(0.1, 1.0);
  graph.output("y", scaled(x, 0.1) * scaled(x, next));
  graph.output("z", scaled(x, 0.0) * scaled(x, -0.0));
  graph.output("f", scaled(x, 0.1) * scaled(x, static_cast<double>(0.1F)));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  graph.output("n", scaled(x, nan) * scaled(x, 1));
  const Graph result = merge_equal_nodes(graph);
  EXPECT_EQ(std::ranges::count(ops_of(result), "Scaled"), 7) << to_string(result);
}

/// Options whose tensors print alike and differ.
struct TableOptions {
  Tensor table;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("table", self.table);
  }
};

TEST_F(Rewrite, MergesByTheTensorsBitsNotByTheirText) {
  OpTable table = *testing::toy_table();
  OpDef look_up = testing::toy_op("LookUp", 1, [](const double* v) { return v[0]; });
  look_up.not_differentiable = "it is a toy";
  table.add(look_up);
  Graph own(std::make_shared<const OpTable>(table));
  const Value v = own.input("v", {DType::f32, {2}});
  Tensor other(DType::f32, {100});
  other.values<float>()[99] = 1;
  const std::array<Tensor, 4> tables{Tensor(DType::f32, {100}), other, Tensor(DType::f32, {100}), other};
  for (std::size_t i = 0; i < tables.size(); ++i) {
    own.output("y" + std::to_string(i), own.emit("LookUp", {v}, TableOptions{tables[i]}));
  }
  const Graph result = merge_equal_nodes(own);
  EXPECT_EQ(result.nodes().size(), 2U);
  EXPECT_EQ(result.outputs()[0].value, result.outputs()[2].value);
  EXPECT_EQ(result.outputs()[1].value, result.outputs()[3].value);
}

TEST_F(Rewrite, MergesSmallNamelessConstantsOfEqualBits) {
  const auto constant = [&](float value) { return graph.constant(Tensor::of<float>({2}, std::vector<float>{value, value})); };
  graph.output("y", (x * constant(0)) + (x * constant(0)));
  graph.output("z", x * constant(-0.0F));
  EXPECT_THAT(ops_of(merge_equal_nodes(graph)), ElementsAre("Mul", "Add", "Mul"));
}

TEST_F(Rewrite, FoldsWhatDependsOnConstantsAlone) {
  const Value c = testing::toy_constant(graph, {3, 4});
  graph.output("y", x * (c * c + c));
  const Graph result = fold_constants(graph);
  ASSERT_THAT(ops_of(result), ElementsAre("Mul"));
  const auto folded = result.info(result.node(0).inputs[1]).constant->values<float>();
  EXPECT_THAT(folded, ElementsAre(12, 20));
}

TEST_F(Rewrite, FoldsNothingTooLarge) {
  const Value c = testing::toy_constant(graph, {1, 2, 3});
  graph.output("y", c + c);
  EXPECT_EQ(fold_constants(graph, 2).nodes().size(), 1U);
  EXPECT_EQ(fold_constants(graph, 3).nodes().size(), 0U);
}

TEST_F(Rewrite, FoldsIntegersOnlyWhereDoublesHoldThem) {
  const auto sum_of = [&](std::int64_t a, std::int64_t b) {
    Graph own(graph.table());
    const auto constant = [&](std::int64_t v) { return own.constant(Tensor::of<std::int64_t>({1}, std::vector<std::int64_t>{v})); };
    own.output("y", constant(a) + constant(b));
    return fold_constants(own);
  };
  const Graph small = sum_of(1, std::int64_t{1} << 52);
  ASSERT_EQ(small.nodes().size(), 0U);
  EXPECT_EQ(small.info(small.outputs()[0].value).constant->values<std::int64_t>()[0], 4503599627370497);
  EXPECT_EQ(sum_of(1, std::int64_t{1} << 53).nodes().size(), 1U) << "2^53 + 1 is no double";
  EXPECT_EQ(sum_of(std::int64_t{1} << 52, std::int64_t{1} << 52).nodes().size(), 1U);
}

TEST_F(Rewrite, SimplifiesUntilNothingChanges) {
  OpTable table = *testing::toy_table();
  OpDef pass = testing::toy_op("Pass", 1, [](const double* v) { return v[0]; });
  pass.not_differentiable = "it is a toy";
  pass.simplify = [](const RewriteContext& context) { return std::vector{context.inputs[0]}; };
  table.add(pass);
  Graph own(std::make_shared<const OpTable>(table));
  const Value v = own.input("v", {DType::f32, {2}});
  const auto pass_on = [&](Value value) { return own.emit("Pass", {value}); };
  own.output("y", (pass_on(pass_on(v)) + v) * (v + pass_on(v)));
  own.emit("Pass", {v});
  EXPECT_THAT(ops_of(simplify(own)), ElementsAre("Add", "Mul"));
}

TEST_F(Rewrite, DecomposesUntilAllIsAccepted) {
  graph.output("y", graph.emit("Square", {graph.emit("Square", {x})}));
  const auto no_squares = [](const OpDef& op) { return op.name != "Square"; };
  EXPECT_THAT(ops_of(decompose(graph, no_squares)), ElementsAre("Mul", "Mul"));
  graph.set_scope("gate");
  graph.output("z", graph.emit("Step", {x}));
  EXPECT_EQ(message_of([&] { decompose(graph, [](const OpDef&) { return false; }); }), "gate: Step: has no decomposition");
}

}  // namespace
}  // namespace neurons
