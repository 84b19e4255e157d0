#include "neurons/layers/carry_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/graph/print.hpp"
#include "neurons/graph/rewrite.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::message_of;

/// An LSTM as an ONNX model has it, batch first, whose first states are what `initial` makes.
template <typename Initial>
Graph lstm_graph(const Initial& initial) {
  Graph graph(ops::table());
  const auto input = [&](const char* name, const Shape& shape) { return graph.input(name, {DType::f32, shape}); };
  const OpDef& op = graph.table()->find("LSTM");
  const std::vector<Value> inputs{input("x", {2, 3, 4}), input("w", {1, 20, 4}), input("r", {1, 20, 5}), Value{}, Value{},
                                  initial(graph, "h"),   initial(graph, "c")};
  const auto outputs = graph.emit_all(op, inputs, op.default_options.with({{"layout", std::int64_t{1}}}), "memory");
  graph.output("y", outputs[0]);
  return graph;
}

TEST(CarryState, TakesThePlaceOfZeros) {
  const Shape shape{2, 1, 5};
  const auto absent = [](Graph&, const char*) { return Value{}; };
  const auto zeros = [&](Graph& graph, const char*) { return graph.constant(Tensor(DType::f32, shape)); };
  const auto computed = [&](Graph& graph, const char*) {
    const std::vector<std::int64_t> extents(shape.extents().begin(), shape.extents().end());
    return emit_with("Expand", {graph.constant(Tensor(DType::f32, {1, 1, 1}))}, {{"shape", extents}});
  };
  const CarriedGraph from_nothing = carry_state(lstm_graph(absent), "test", "#1");
  EXPECT_THAT(from_nothing.memory, ElementsAre("memory.hidden#1", "memory.cells#1"));
  EXPECT_EQ(from_nothing.graph.assignments().size(), 2U);
  Graph graph = from_nothing.graph;
  EXPECT_EQ(graph.find("memory.cells#1").type(), (TensorType{DType::f32, shape}));
  const auto text_of = [](const Graph& carried) { return to_string(remove_dead_nodes(carried)); };  // nor constants without use
  EXPECT_EQ(text_of(carry_state(lstm_graph(zeros), "test", "#1").graph), text_of(graph));
  EXPECT_EQ(text_of(carry_state(lstm_graph(computed), "test", "#1").graph), text_of(graph));
}

TEST(CarryState, RefusesOtherBeginnings) {
  const auto given = [](Graph& graph, const char* name) { return graph.input(name, {DType::f32, {2, 1, 5}}); };
  const auto ones = [](Graph& graph, const char*) {
    Tensor one(DType::f32, {2, 1, 5});
    one.values<float>()[3] = 1;
    return graph.constant(one);
  };
  const std::string expected = "test: memory begins with a state that the network itself gives it, not with zeros";
  EXPECT_EQ(message_of([&] { carry_state(lstm_graph(given), "test"); }), expected);
  EXPECT_EQ(message_of([&] { carry_state(lstm_graph(ones), "test"); }), expected);
}

}  // namespace
}  // namespace neurons
