#include "neurons/plan/lay_out.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "neurons/graph/gradients.hpp"
#include "neurons/graph/print.hpp"
#include "neurons/graph/rewrite.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/interpret.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::StartsWith;

class LayOut : public ::testing::Test {
 protected:
  Value state(const std::string& name, const Shape& shape) {
    store->set(name, Tensor(DType::f32, shape));
    return graph.state(name, {DType::f32, shape});
  }
  Value product(Value a, Value w) { return graph.emit("MatMul", {a, w}); }
  static std::vector<std::string> ops_of(const Graph& result) {
    std::vector<std::string> names;
    for (const Node& node : result.nodes()) names.push_back(node.op->name);
    return names;
  }

  Graph graph{ops::table()};
  Value x = graph.input("x", {DType::f32, {4, 5}});
  std::shared_ptr<StateStore> store = std::make_shared<StateStore>(ops::table());
};

TEST_F(LayOut, StoresWeightsAsTheirKernelsWantThem) {
  graph.output("y", product(x, state("w", {5, 3})));
  const Graph result = lay_out(simplify(graph), *store);
  EXPECT_THAT(ops_of(result), ElementsAre("WeightedSum"));
  EXPECT_TRUE(store->layout("w").has_value());
  EXPECT_EQ(store->type("w"), (TensorType{DType::f32, {5, 3}})) << "seen from outside as before";
}

TEST_F(LayOut, LeavesOtherStatesAlone) {
  graph.output("y", x * state("scale", {5}));
  const Graph result = lay_out(simplify(graph), *store);
  EXPECT_THAT(ops_of(result), ElementsAre("Mul"));
  EXPECT_FALSE(store->layout("scale").has_value());
}

TEST_F(LayOut, TrainsWithoutPackingAnything) {
  const Value w = state("w", {5, 3});
  const Value loss = graph.emit("ReduceMean", {product(x, w)});
  const Value slope = gradients(loss, std::array{w}).front();
  const Value kept = state("w#v", {5, 3});
  const OpDef& update = graph.table()->find("MomentumUpdate");
  const auto updated =
      graph.emit_all(update, std::array{slope, w, kept, graph.input("rate", {DType::f32, {}})}, update.default_options);
  graph.assign(w, updated[0]);
  graph.assign(kept, updated[1]);
  const Graph result = lay_out(simplify(graph), *store);
  EXPECT_EQ(store->layout("w"), store->layout("w#v")) << "an optimiser's state is stored like its weight";
  EXPECT_THAT(ops_of(result), Each(Not(::testing::HasSubstr("ack")))) << to_string(result);
}

TEST_F(LayOut, KeepsWhatAPlanHasFixed) {
  const Value w = state("w", {5, 3});
  store->bind("w");
  graph.output("y", product(x, w));
  lay_out(simplify(graph), *store);
  EXPECT_FALSE(store->layout("w").has_value());
}

TEST_F(LayOut, DropsTheSameWeightsInAnyLayout) {
  // A mask depends on the place of an element, so it is made in the plain order.
  const Value w = state("w", {5, 3});
  Tensor ones(DType::f32, {5, 3});
  std::ranges::fill(ones.values<float>(), 1.0F);
  store->set("w", ones);
  const Value step = graph.input("step", {DType::i64, {}});
  const OpDef& dropout = graph.table()->find("Dropout");
  graph.output("y", product(x, graph.emit(dropout, {w, step}, dropout.default_options.with({{"ratio", 0.5}}))));
  graph.output("z", product(x, w));
  const Tensor input = Tensor::of<float>({4, 5}, std::vector<float>{1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0});
  const auto expected = interpret(graph, {{"x", widen(input)}, {"w", widen(ones)}, {"step", {step.type(), {0}}}});
  Plan plan = compile(graph, store);
  EXPECT_TRUE(store->layout("w").has_value());
  plan.input("x").assign(input);
  plan.run();
  const auto found = plan.output("y").values<float>();
  const auto& wanted = expected[static_cast<std::size_t>(graph.outputs()[0].value)].data;
  EXPECT_THAT(std::vector<double>(found.begin(), found.end()), ::testing::ElementsAreArray(wanted));
}

}  // namespace
}  // namespace neurons
