#include "neurons/graph/print.hpp"

#include <gtest/gtest.h>

#include <array>

#include "neurons/graph/toy_ops_testing.hpp"

namespace neurons {
namespace {

Graph example() {
  Graph graph(testing::toy_table());
  const Value x = graph.input("x", {DType::f32, {2}});
  const Value w = graph.state("w", {DType::f32, {2}});
  const Value c = graph.constant(Tensor::of<float>({2}, std::vector<float>{1, 0.5F}));
  graph.set_scope("layer1");
  const Value sum = x + c;
  graph.set_scope("");
  const auto both = graph.emit_all(graph.table()->find("Both"), std::array{sum}, {});
  const Value scaled = graph.emit("Scaled", {both[0]}, testing::ScaledOptions{0.1, {2}});
  graph.emit("First", {scaled, Value{}, w});
  graph.output("y", both[1]);
  graph.assign(w, scaled);
  return graph;
}

TEST(Print, TellsEveryValueAndNode) {
  EXPECT_EQ(to_string(example()),
            "input x f32[2]\n"
            "state w f32[2]\n"
            "constant %2 f32[2]{1, 0.5}\n"
            "%3 f32[2] = Add(x, %2)  # layer1\n"
            "%4 f32[2], %5 f32[2] = Both(%3)\n"
            "%6 f32[2] = Scaled(%4) {factor=0.1, unused=[2]}\n"
            "%7 f32[2] = First(%6, -, w)\n"
            "output y = %5\n"
            "assign w = %6\n");
}

TEST(Print, OfEqualGraphsIsEqual) { EXPECT_EQ(to_string(example()), to_string(example())); }

TEST(Dot, DrawsBoxesForNodesAndLabelsEdgesWithTypes) {
  Graph graph(testing::toy_table());
  const Value x = graph.input("x", {DType::f32, {2}});
  graph.set_scope("layer1");
  graph.output("y", x * x);
  EXPECT_EQ(to_dot(graph),
            "digraph neurons {\n"
            "  node [shape=box, fontname=\"sans-serif\"];\n"
            "  value0 [shape=ellipse, label=\"x\\nf32[2]\"];\n"
            "  node0 [label=\"Mul\\nlayer1\"];\n"
            "  value0 -> node0 [label=\"f32[2]\"];\n"
            "  value0 -> node0 [label=\"f32[2]\"];\n"
            "  \"output y\" [shape=ellipse];\n"
            "  node0 -> \"output y\";\n"
            "}\n");
}

TEST(Dot, QuotesNames) {
  Graph graph(testing::toy_table());
  graph.output("the \"best\"", graph.input("a\\b", {DType::f32, {}}));
  const std::string text = to_dot(graph);
  EXPECT_NE(text.find("label=\"a\\\\b\\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\"output the \\\"best\\\"\""), std::string::npos) << text;
}

}  // namespace
}  // namespace neurons
