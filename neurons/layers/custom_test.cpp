// Layers and ops of the user's own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <memory>

#include "neurons/base/testing.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/run_network_testing.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/interpret.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::matrix_of;

/// y = gain · x + shift with one learned number each.
struct Affine {
  static constexpr std::string_view kKind = "affine";
  float initial_gain = 2;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("initial_gain", self.initial_gain);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const {
    ParameterSpec spec;
    spec.shape = {1};
    spec.initializer = {"constant", initial_gain};
    const Value gain = context.parameter("gain", spec);
    spec.initializer.value = 1;
    return inputs.at(0) * gain + context.parameter("shift", spec);
  }
};

TEST(CustomLayer, IsALayerLikeAnyOther) {
  Sequential network({2}, Affine{}, Affine{3});
  EXPECT_EQ(network.layers()[1].name, "affine2");
  EXPECT_EQ(network.parameter_count(), 4);
  network.initialize(1);
  EXPECT_THAT(testing::run_network(network, {{"x", matrix_of({1, 2}, {1, -1})}}).at("y"), ElementsAre(10, -2));
  EXPECT_EQ(Layer(Affine{5}).with({{"initial_gain", 0.5}}).attributes(), (Attributes{{"initial_gain", 0.5}}));
  EXPECT_FALSE(Layer(Affine{}).is_activation());
}

/// A layer that fails without saying who it is.
struct Picky {
  static constexpr std::string_view kKind = "picky";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext&, const std::vector<Value>&) const { fail_input("only on Sundays"); }
};

TEST(CustomLayer, IsNamedInItsErrors) {
  EXPECT_EQ(testing::message_of([] { Sequential({2}, Picky{}).initialize(1); }), "picky1: only on Sundays");
}

/// y = x² where x > 0, else 0, with a gradient rule and no kernel of its own.
OpDef half_square() {
  OpDef op;
  op.name = "HalfSquare";
  op.summary = "y = max(x, 0)²";
  op.infer = [](const InferContext& context) { return std::vector{context.inputs[0]}; };
  op.reference = [](const ReferenceContext& context) {
    for (std::size_t i = 0; i < context.outputs[0].data.size(); ++i) {
      const double x = std::max(context.inputs[0]->data[i], 0.0);
      context.outputs[0].data[i] = x * x;
    }
  };
  op.gradient = [](GradientContext& context) {
    context.set(0, context.gradient() * context.graph().emit("Relu", {context.input(0)}) * 2);
  };
  return op;
}

struct HalfSquare {
  static constexpr std::string_view kKind = "half_square";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const {
    return context.graph().emit("HalfSquare", {inputs.at(0)});
  }
};

TEST(CustomOp, RunsAndTrainsFromACopyOfTheTable) {
  auto table = std::make_shared<OpTable>(*ops::table());
  table->add(half_square());
  Network network(table);
  const auto x = network.input("x", {3});
  network.output("y", network.add(HalfSquare{}, network.add(Dense{2}, x)));
  network.initialize(1);
  network.set_parameter("dense1.weight", matrix_of({2, 3}, {1, 0, 0, 0, 1, -1}));
  const Tensor sample = matrix_of({1, 3}, {3, 1, 2});
  EXPECT_THAT(testing::run_network(network, {{"x", sample}}).at("y"), ElementsAre(9, 0));

  Graph graph(network.table());
  network.build(graph, 1, Mode::training);
  const Value slope = gradients(graph.find("y"), std::array{graph.find("dense1.weight")}).front();
  ReferenceValues given{{"x", widen(sample)}};
  for (const auto& [name, tensor] : network.parameters()) given.emplace(name, widen(tensor));
  const auto values = interpret(graph, given);
  EXPECT_THAT(values[static_cast<std::size_t>(slope.id())].data, ElementsAre(18, 6, 12, 0, 0, 0));  // 2z · x
  EXPECT_FALSE(ops::table()->has("HalfSquare")) << "the built-in table stays as it is";
}

}  // namespace
}  // namespace neurons
