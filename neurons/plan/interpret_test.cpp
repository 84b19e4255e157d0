#include "neurons/plan/interpret.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::message_of;

TEST(Interpret, ComputesEveryValueInDouble) {
  Graph graph(ops::table());
  const Value x = graph.input("x", {DType::f32, {2}});
  const Value w = graph.state("w", {DType::f32, {2}});
  const Value y = graph.emit("Exp", {x * w});
  const auto values = interpret(graph, {{"x", {x.type(), {1, 2}}}, {"w", {w.type(), {3, 0.1}}}});
  EXPECT_THAT(values[static_cast<std::size_t>(x.id())].data, ElementsAre(1, 2));
  EXPECT_THAT(values[static_cast<std::size_t>(y.id())].data, ElementsAre(std::exp(3.0), std::exp(0.2)));
}

TEST(Interpret, TakesDecompositionsWhereThereIsNoReference) {
  OpTable table = *ops::table();
  OpDef cube;
  cube.name = "Cube";
  cube.maximum_inputs = 2;
  cube.infer = [](const InferContext& context) { return std::vector{context.inputs[0]}; };
  cube.decompose = [](const RewriteContext& context) {
    const Value x = context.inputs[0];
    return std::vector{x * x * x};
  };
  table.add(cube);
  Graph graph(std::make_shared<const OpTable>(table));
  const Value x = graph.input("x", {DType::f32, {1}});
  const Value y = graph.emit("Cube", {graph.emit("Cube", {x})});
  EXPECT_THAT(interpret(graph, {{"x", {x.type(), {2}}}})[static_cast<std::size_t>(y.id())].data, ElementsAre(512));
}

TEST(Interpret, AsksForEveryInputInItsSize) {
  Graph graph(ops::table());
  const Value x = graph.input("pixels", {DType::f32, {2}});
  graph.output("y", x + 1);
  EXPECT_EQ(message_of([&] { interpret(graph, {}); }), "interpret: no value for \"pixels\"");
  EXPECT_EQ(message_of([&] {
              interpret(graph, {{"pixels", {x.type(), {1, 2, 3}}}});
            }),
            "interpret: \"pixels\" is f32[2], got 3 numbers");
}

}  // namespace
}  // namespace neurons
