// An op and a layer of the user's own: Snake, x + sin²(x), an activation for periodic data (Ziyin, Hartwig, Ueda 2020: "Neural
// networks fail to learn periodic functions and how to fix it"). The op is said in terms of other ops, so its gradient, its
// reference and its fusion into the dense layer before it follow from what is there.
#include <cmath>
#include <cstdio>
#include <memory>
#include <neurons/neurons.hpp>
#include <vector>

using namespace neurons;

namespace {

OpDef snake_op() {
  OpDef op;
  op.name = "Snake";
  op.summary = "y = x + sin²(x)";
  op.source = "Ziyin, Hartwig, Ueda 2020";
  op.infer = [](const InferContext& context) { return std::vector{context.inputs[0]}; };
  op.decompose = [](const RewriteContext& context) {
    const Value x = context.inputs[0];
    const Value sine = context.graph.emit("Sin", {x});
    return std::vector{x + sine * sine};
  };
  return op;
}

/// Any struct like this one is a layer.
struct Snake {
  static constexpr std::string_view kKind = "snake";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const {
    return context.graph().emit("Snake", {inputs.at(0)});
  }
};

}  // namespace

int main() {
  auto table = std::make_shared<OpTable>(*ops::table());
  table->add(snake_op());

  Network network(table);
  auto x = network.input("x", {1});
  for (int layer = 0; layer < 2; ++layer) x = network.add(Snake{}, network.add(Dense{.units = 32}, x));
  network.output("y", network.add(Dense{.units = 1}, x));
  network.initialize(1);

  constexpr std::int64_t kRows = 64;
  Learner learner(network, {.loss = MeanSquaredError{}, .optimizer = Adam{.learning_rate = 0.005F}, .labels = false});
  RandomStream random(2);
  float loss = 0;
  for (int step = 0; step < 1000; ++step) {
    const Batch& batch = learner.batch(kRows);
    const auto inputs = batch.inputs[0].values<float>();
    const auto targets = batch.target.values<float>();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] = static_cast<float>(random.uniform(-3, 3));
      targets[i] = std::sin(2 * inputs[i]);
    }
    loss = learner.step(kRows).loss;
  }
  std::printf("mean squared error of sin(2x) after 1000 steps: %.5f\n", static_cast<double>(loss));
  return loss < 0.01F ? 0 : 1;
}
