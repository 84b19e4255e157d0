#include <gtest/gtest.h>

#include "neurons/graph/rewrite.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/testing.hpp"

namespace neurons::ops::testing {
namespace {

/// What simplify makes of the part [start, end) of axis 1 of [2, 3], [2, 4] and [2, 2] one after the other.
struct Simplified {
  std::vector<std::string> ops;
  std::vector<double> values;
  std::vector<double> expected;

  Simplified(std::int64_t start, std::int64_t end) {
    Graph graph(table());
    const Value a = graph.input("a", {DType::f32, {2, 3}});
    const Value b = graph.input("b", {DType::f32, {2, 4}});
    const Value c = graph.input("c", {DType::f32, {2, 2}});
    const OpDef& concat = graph.table()->find("Concat");
    const Value all =
        graph.emit_all(concat, std::vector{a, b, c}, concat.default_options.with({{"axis", std::int64_t{1}}})).front();
    graph.output("y", sliced(all, 1, start, end));
    const Given given{{"a", filled({a.type()}, 1)}, {"b", filled({b.type()}, 2)}, {"c", filled({c.type()}, 3)}};
    const Graph better = simplify(graph);
    for (const Node& node : better.nodes()) ops.push_back(node.op->name);
    values = evaluate(better, given)[static_cast<std::size_t>(better.outputs()[0].value)].data;
    expected = evaluate(graph, given)[static_cast<std::size_t>(graph.outputs()[0].value)].data;
  }
};

TEST(Slice, BackwardsFromBeforeTheFirstBeginsThere) {
  Graph graph(table());
  const Value x = graph.input("x", {DType::f32, {4}});
  const auto part = [&](const Value& of, std::int64_t start, std::int64_t end) {
    return emit_with("Slice", {of},
                     {{"starts", std::vector{start}}, {"ends", std::vector{end}}, {"steps", std::vector<std::int64_t>{-1}}});
  };
  EXPECT_EQ(part(x, -100, -200).shape(), Shape({1}));
  EXPECT_EQ(part(x, -100, 0).shape(), Shape({0}));
  Graph empty(table());
  EXPECT_EQ(part(empty.input("x", {DType::f32, {0}}), -100, -200).shape(), Shape({0}));
  graph.output("y", part(x, -100, -200));
  EXPECT_EQ(evaluate(graph, {{"x", filled({x.type()}, 1)}})[static_cast<std::size_t>(graph.outputs()[0].value)].data,
            std::vector<double>{filled({x.type()}, 1).data.front()});
}

TEST(SliceOfConcat, IsThePart) {
  const Simplified whole(3, 7);
  EXPECT_EQ(whole.ops, std::vector<std::string>{});
  EXPECT_EQ(whole.values, whole.expected);
}

TEST(SliceOfConcat, IsASliceOfThePart) {
  const Simplified inside(4, 6);
  EXPECT_EQ(inside.ops, std::vector<std::string>{"Slice"});
  EXPECT_EQ(inside.values, inside.expected);
}

TEST(SliceOfConcat, OfSeveralPartsStays) {
  const Simplified across(2, 5);
  EXPECT_EQ(across.ops, (std::vector<std::string>{"Concat", "Slice"}));
  EXPECT_EQ(across.values, across.expected);
}

}  // namespace
}  // namespace neurons::ops::testing
