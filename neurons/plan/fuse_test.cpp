#include "neurons/plan/fuse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/graph/gradients.hpp"
#include "neurons/graph/print.hpp"
#include "neurons/graph/rewrite.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/lay_out.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Fuse : public ::testing::Test {
 protected:
  Value dense(Value from, const std::string& name, std::int64_t units) {
    const OpDef& gemm = graph.table()->find("Gemm");
    const Value w = graph.state(name + ".weight", {DType::f32, {units, from.shape()[-1]}});
    const Value b = graph.state(name + ".bias", {DType::f32, {units}});
    return graph.emit(gemm, {from, w, b}, gemm.default_options.with({{"trans_b", true}}));
  }
  Value unary(std::string_view op, Value value) { return graph.emit(op, {value}); }
  /// The graph as a plan would run it.
  Graph fused() {
    StateStore store(graph.table());
    for (const ValueInfo& info : graph.values()) {
      if (info.kind == ValueKind::state) store.set(info.name, Tensor(info.type));
    }
    return fuse(lay_out(simplify(graph), store));
  }
  static std::vector<std::string> ops_of(const Graph& result) {
    std::vector<std::string> names;
    for (const Node& node : result.nodes()) names.push_back(node.op->name);
    return names;
  }

  Graph graph{ops::table()};
  Value x = graph.input("x", {DType::f32, {4, 5}});
};

TEST_F(Fuse, PutsAnActivationIntoTheWeightedSum) {
  graph.output("y", unary("Relu", dense(x, "a", 3)));
  const Graph result = fused();
  EXPECT_THAT(ops_of(result), ElementsAre("WeightedSum"));
  EXPECT_THAT(result.node(0).options.to_string(), HasSubstr("Relu("));
}

TEST_F(Fuse, PutsAResidualSumThere) {
  graph.output("y", unary("Tanh", dense(x, "a", 5) + x));
  EXPECT_THAT(ops_of(fused()), ElementsAre("WeightedSum"));
}

/// Layers of sequences work on all steps of all samples as rows: what stands around them is their epilogue all the same.
TEST_F(Fuse, SeesThroughViewsOfRows) {
  const Value steps = graph.input("steps", {DType::f32, {2, 3, 5}});
  const auto shaped = [&](Value value, std::vector<std::int64_t> shape) {
    const OpDef& reshape = graph.table()->find("Reshape");
    return graph.emit(reshape, {value}, reshape.default_options.with({{"shape", shape}}));
  };
  const Value inner = unary("Relu", shaped(dense(shaped(steps, {6, 5}), "a", 7), {2, 3, 7}));
  const Value outer = shaped(dense(shaped(inner, {6, 7}), "b", 5), {2, 3, 5});
  graph.output("y", outer + steps);
  const Graph result = fused();
  ASSERT_THAT(ops_of(result), ElementsAre("WeightedSum", "WeightedSum"));
  EXPECT_THAT(result.node(0).options.to_string(), HasSubstr("Relu("));
  EXPECT_THAT(result.node(1).options.to_string(), HasSubstr("Add("));
}

TEST_F(Fuse, LeavesViewsThatAreNoRows) {
  const auto shaped = [&](Value value, std::vector<std::int64_t> shape) {
    return emit_with("Reshape", {value}, {{"shape", shape}, {"allow_zero", true}});
  };
  const Value bits = graph.input("bits", {DType::i32, {2, 3, 4}});
  graph.output("real", unary("Relu", emit_with("BitCast", {bits}, {{"to", std::string("f32")}})));
  const Value none = graph.input("none", {DType::f32, {2, 3, 0}});
  graph.output("biases", dense(shaped(none, {7, 0}), "a", 4));
  const Graph result = fused();
  EXPECT_THAT(ops_of(result), ElementsAre("BitCast", "Relu", "Reshape", "WeightedSum"));
}

/// An update reads its gradient as it is: a view of a single row stays in front of what scales it.
TEST_F(Fuse, LeavesViewsOfASingleRow) {
  const Value row = emit_with("ReduceSum", {x}, {{"axes", std::vector<std::int64_t>{0}}, {"keep_dims", true}});
  const Value bias = graph.state("bias", {DType::f32, {5}});
  const Value gradient = emit_with("Reshape", {row}, {{"shape", std::vector<std::int64_t>{5}}});
  graph.output("y", bias - gradient * 0.5);
  EXPECT_THAT(ops_of(fused()), ElementsAre("ReduceSum", "Reshape", "Chain"));
}

TEST_F(Fuse, PutsDropoutOfStepsIntoTheWeightedSum) {
  const Value steps = graph.input("steps", {DType::f32, {2, 3, 5}});
  const Value rows = emit_with("Reshape", {steps}, {{"shape", std::vector<std::int64_t>{6, 5}}});
  const Value back = emit_with("Reshape", {dense(rows, "a", 7)}, {{"shape", std::vector<std::int64_t>{2, 3, 7}}});
  const Value step = graph.input("step", {DType::i64, {}});
  graph.output("y", unary("Relu", graph.emit("Dropout", {back, step})));
  EXPECT_THAT(ops_of(fused()), ElementsAre("WeightedSum"));
}

TEST_F(Fuse, JoinsElementwiseOpsIntoOneChain) {
  graph.output("y", unary("Sigmoid", unary("Tanh", x * 2 + x) * x));
  EXPECT_THAT(ops_of(fused()), ElementsAre("Chain"));
}

TEST_F(Fuse, LetsASharedSumLeaveTheChain) {
  const Value sum = x + 1;
  graph.output("sum", sum);
  graph.output("y", unary("Tanh", sum));
  const Graph result = fused();
  EXPECT_THAT(ops_of(result), ElementsAre("Chain"));
  EXPECT_EQ(result.node(0).outputs.size(), 2U);
}

TEST_F(Fuse, StopsWhereTheShapeChanges) {
  const Value sums = graph.emit("ReduceSum", {unary("Exp", x)});
  graph.output("y", unary("Log", sums));
  EXPECT_EQ(std::ranges::count(ops_of(fused()), "ReduceSum"), 1);
}

TEST_F(Fuse, PutsTheActivationsDerivativeIntoTheInputGradient) {
  const Value hidden = unary("Relu", dense(x, "a", 3));
  const Value loss = graph.emit("ReduceMean", {dense(hidden, "b", 2)});
  const auto slopes = gradients(loss, std::array{graph.find("a.weight"), graph.find("b.weight")});
  graph.output("loss", loss);
  graph.output("da", slopes[0]);
  graph.output("db", slopes[1]);
  const Graph result = fused();
  const auto names = ops_of(result);
  ASSERT_EQ(std::ranges::count(names, "WeightedSumInputGradient"), 1) << to_string(result);
  for (const Node& node : result.nodes()) {
    if (node.op->name != "WeightedSumInputGradient") continue;
    EXPECT_THAT(node.options.to_string(), HasSubstr("tile")) << to_string(result);
  }
}

TEST_F(Fuse, KeepsTheOrderThatResultsNeed) {
  // The softmax reads the first sum, the second sum reads the softmax: one chain of both sums would need itself.
  const Value sum = x + 1;
  const Value soft = graph.emit("Softmax", {sum});
  graph.output("y", sum * soft);
  const Graph result = fused();
  EXPECT_THAT(ops_of(result), ElementsAre("Add", "Softmax", "Mul"));
}

TEST_F(Fuse, OfNothingIsNothing) {
  graph.output("y", x);
  EXPECT_THAT(ops_of(fused()), IsEmpty());
}

}  // namespace
}  // namespace neurons
