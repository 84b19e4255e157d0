#include "neurons/plan/lay_out.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "neurons/base/random.hpp"
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

/// `found` is value `id` of what interpret() gave.
void expect_value(std::span<const float> found, const std::vector<ReferenceTensor>& expected, int id, const std::string& name) {
  const auto& wanted = expected[static_cast<std::size_t>(id)].data;
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(found[i], wanted[i], 1e-4 * std::max(1.0, std::abs(wanted[i]))) << name << " " << i;
  }
}

/// Every state is what it was to become.
void expect_updates(const Graph& graph, const StateStore& store, const std::vector<ReferenceTensor>& expected) {
  for (const Assignment& assignment : graph.assignments()) {
    const std::string& name = graph.info(assignment.state).name;
    const Tensor updated = store.get(name);
    expect_value(updated.values<float>(), expected, assignment.value, name);
  }
}

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
  const Value rate = graph.input("rate", {DType::f32, {}});
  const auto updated = graph.emit_all(update, std::array{slope, w, kept, rate, graph.scalar(1)}, update.default_options);
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

/// Convolution, rectifier, pool and convolution, then a pool over all pixels: one step of gradient descent.
class LayOutPools : public ::testing::TestWithParam<std::array<const char*, 2>> {};
INSTANTIATE_TEST_SUITE_P(Kinds, LayOutPools,
                         ::testing::Values(std::array{"MaxPool", "GlobalAveragePool"}, std::array{"AveragePool", "GlobalMaxPool"},
                                           std::array{"LpPool", "GlobalLpPool"}),
                         [](const auto& chosen) { return std::string(chosen.param[0]); });

TEST_P(LayOutPools, KeepsChannelsLastFromEndToEnd) {
  using List = std::vector<std::int64_t>;
  RandomStream random(4);
  const auto random_tensor = [&](const Shape& shape) {
    Tensor tensor(DType::f32, shape);
    for (float& value : tensor.values<float>()) value = static_cast<float>(random.normal());
    return tensor;
  };
  Graph graph(ops::table());
  auto store = std::make_shared<StateStore>(ops::table());
  const Tensor pixels = random_tensor({2, 3, 9, 8});
  const Value image = graph.input("image", pixels.type());
  ReferenceValues given{{"image", widen(pixels)}};
  std::vector<Value> weights;
  for (const auto& [name, shape] : {std::pair{"w1", Shape{5, 3, 3, 3}}, std::pair{"w2", Shape{7, 5, 2, 2}}}) {
    weights.push_back(graph.state(name, {DType::f32, shape}));
    store->set(name, random_tensor(shape));
    given.emplace(name, widen(store->get(name)));
  }
  const Value hidden = graph.emit("Relu", {emit_with("Conv", {image, weights[0]}, {{"pads", List{1, 1, 1, 1}}})});
  const Value pooled = emit_with(GetParam()[0], {hidden}, {{"kernel_shape", List{3, 2}}, {"strides", List{2, 2}}});
  const Value y = graph.emit(GetParam()[1], {graph.emit("Conv", {pooled, weights[1]})});
  graph.output("y", y);
  const auto slopes = gradients(y, weights, graph.constant(random_tensor(y.shape())));
  for (std::size_t i = 0; i < weights.size(); ++i) graph.assign(weights[i], weights[i] - slopes[i]);
  const auto expected = interpret(graph, given);

  Plan plan = compile(graph, store);
  std::vector<std::string> changes;
  for (const PlanStep& step : plan.steps()) {
    EXPECT_NE(step.kernel, "reference") << step.op;
    if (step.op.starts_with("ToChannels")) changes.push_back(step.op);
  }
  EXPECT_THAT(changes, ElementsAre("ToChannelsLast")) << "the image's, and no other";
  plan.input("image").assign(pixels);
  plan.run();
  expect_value(plan.output("y").values<float>(), expected, y.id(), "y");
  expect_updates(graph, *store, expected);
}

TEST_F(LayOut, TakesDerivativesBehindTheMaximaOfAPool) {
  using List = std::vector<std::int64_t>;
  const Value images = graph.input("images", {DType::f32, {2, 3, 9, 8}});
  const std::array weights{state("w1", {5, 3, 3, 3}), state("b1", {5}), state("w2", {7, 5, 2, 2})};
  RandomStream random(7);
  ReferenceValues given;
  for (const Value& weight : weights) {
    Tensor values(weight.type());
    for (float& value : values.values<float>()) value = static_cast<float>(random.normal());
    store->set(graph.info(weight.id()).name, values);
    given.emplace(graph.info(weight.id()).name, widen(values));
  }
  Tensor pixels(images.type());
  for (float& value : pixels.values<float>()) value = static_cast<float>(random.normal());
  given.emplace("images", widen(pixels));
  const Value hidden = graph.emit("Tanh", {graph.emit("Conv", {images, weights[0], weights[1]})});
  const Value pooled = emit_with("MaxPool", {hidden}, {{"kernel_shape", List{3, 3}}, {"strides", List{2, 2}}});
  const Value y = graph.emit("Conv", {pooled, weights[2]});
  given.emplace("x", ReferenceTensor{x.type(), std::vector<double>(20)});
  const auto slopes = gradients(y, weights, graph.constant(Tensor::of<float>(y.shape(), std::vector<float>(28, 1.0F))));
  for (std::size_t i = 0; i < weights.size(); ++i) graph.assign(weights[i], weights[i] - slopes[i]);
  const auto expected = interpret(graph, given);

  Plan plan = compile(graph, store);
  plan.input("images").assign(pixels);
  for (const PlanStep& step : plan.steps()) {
    EXPECT_NE(step.op, "TanhGradient") << "runs inside the convolution's input gradient";
    if (step.op == "ReduceSum") {
      EXPECT_EQ(step.reads.front().end - step.reads.front().begin, 4 * 2 * 3 * 2 * 5) << "of what the pool gave";
    }
  }
  plan.run();
  expect_updates(graph, *store, expected);
}

TEST_F(LayOut, FlattensImagesAsTheyLie) {
  using List = std::vector<std::int64_t>;
  const Value images = graph.input("images", {DType::f32, {2, 1, 6, 5}});
  const std::array weights{state("w1", {5, 1, 3, 3}), state("w2", {7, 60}), state("w3", {7, 4})};
  RandomStream random(9);
  ReferenceValues given{{"x", ReferenceTensor{x.type(), std::vector<double>(20)}}};
  const auto fill = [&](const std::string& name, Tensor& tensor) {
    for (float& value : tensor.values<float>()) value = 0.3F * static_cast<float>(random.normal());
    given.emplace(name, widen(tensor));
  };
  std::map<std::string, Tensor> before;
  for (const Value& weight : weights) {
    const std::string name = graph.info(weight.id()).name;
    Tensor values(weight.type());
    fill(name, values);
    store->set(name, values);
    before.emplace(name, values);
  }
  Tensor pixels(images.type());
  fill("images", pixels);
  const Value hidden = graph.emit("Relu", {graph.emit("Conv", {images, weights[0]})});
  const Value flat = emit_with("Reshape", {hidden}, {{"shape", List{2, 60}}});
  const Value y = emit_with("Gemm", {flat, weights[1]}, {{"trans_b", true}});
  const Value z = product(y, weights[2]);
  graph.output("y", y);
  const Value sum = graph.emit("ReduceSum", {z * z});
  const auto slopes = gradients(sum, weights);
  for (std::size_t i = 0; i < weights.size(); ++i) graph.assign(weights[i], weights[i] - slopes[i]);
  const auto expected = interpret(graph, given);

  Plan plan = compile(graph, store);
  for (const PlanStep& step : plan.steps()) EXPECT_THAT(step.op, Not(StartsWith("ToChannels")));
  for (const auto& [name, values] : before) EXPECT_EQ(store->get(name), values) << name << " seen from outside as before";
  plan.input("images").assign(pixels);
  plan.run();
  expect_updates(graph, *store, expected);
}

TEST_F(LayOut, NormalisesABatchInTheConvolutionsEpilogue) {
  const Value images = graph.input("images", {DType::f32, {2, 3, 8, 8}});
  const Value sums = graph.emit("Conv", {images, state("w", {16, 3, 3, 3})});
  const Value normal = graph.emit("BatchNormalization",
                                  {sums, state("scale", {16}), state("bias", {16}), state("mean", {16}), state("variance", {16})});
  graph.output("y", graph.emit("Relu", {normal}));
  Plan plan = compile(graph, store);
  std::vector<std::string> large;  // steps that see images
  for (const PlanStep& step : plan.steps()) {
    if (step.outputs.front().shape.rank() > 1) large.push_back(step.op);
  }
  EXPECT_THAT(large, ElementsAre("ToChannelsLast", "ConvolutionSum", "ToChannelsFirst"));
  EXPECT_EQ(plan.steps().size(), 4U) << "and one for the vectors of channels";
}

}  // namespace
}  // namespace neurons
