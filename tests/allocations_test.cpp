// After their first run, plans and training steps allocate nothing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "neurons/base/testing/counting_new.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/dropout.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/layers/residual.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/ops/testing.hpp"
#include "neurons/training/learner.hpp"

namespace neurons {
namespace {

template <typename Call>
long allocations_of(Call call) {
  const long before = testing::allocations_anywhere();
  call();
  return testing::allocations_anywhere() - before;
}

void fill(const TensorView& view) {
  if (view.dtype == DType::f32) {
    for (float& value : view.values<float>()) value = 0.5F;
  } else {
    for (std::int64_t& value : view.values<std::int64_t>()) value = 1;
  }
}

TEST(Allocations, AreCounted) {
  EXPECT_EQ(allocations_of([] { std::vector<int>(10).front() = 1; }), 1);
  EXPECT_EQ(allocations_of([] { AlignedBuffer buffer(100); }), 1);
}

class PlanAllocations : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, PlanAllocations, ::testing::Values(1, 2));

TEST_P(PlanAllocations, AreNone) {
  Sequential network({64}, Dense{96}, Tanh{}, Dense{50, "softmax"});
  network.initialize(1);
  Graph graph(network.table());
  network.build(graph, 128, Mode::training);
  const Value loss = graph.emit("ReduceMean", {graph.find("y") * graph.find("y")});
  const Value weight = graph.find("dense1.weight");
  graph.assign(weight, weight - gradients(loss, std::array{weight}).front() * 0.1);
  auto store = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
  CompileOptions options;
  options.team = std::make_shared<ThreadTeam>(GetParam());
  Plan plan = compile(graph, store, options);
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 10; ++i) plan.run();
            }),
            0);
}

struct Case {
  std::string name;
  LearnerOptions options;
  std::int64_t rows = 32;
};

class LearnerAllocations : public ::testing::TestWithParam<Case> {};

std::vector<Case> cases() {
  std::vector<Case> all;
  all.push_back({"adam", {.optimizer = Adam{}}});
  all.push_back({"large", {.optimizer = Adam{}}, 512});
  all.push_back({"sgd", {.optimizer = Sgd{}}});
  all.push_back({"momentum", {.optimizer = Sgd{.momentum = 0.9F, .nesterov = true}}});
  all.push_back({"adamw", {.optimizer = AdamW{}}});
  all.push_back({"lion", {.optimizer = Lion{}}});
  all.push_back({"clipped", {.optimizer = RmsProp{}, .clip_norm = 1, .l2 = 0.1}});
  all.push_back({"accumulated", {.optimizer = Adagrad{}, .clip_value = 1, .accumulate = 3}});
  all.push_back({"weighted", {.optimizer = Adam{}, .sample_weights = true}});
  all.push_back({"named", {.loss = {{"y", CrossEntropy{}, 0.5}}}});
  all.push_back({"groups", {.optimizer = Adam{}, .groups = {{"*.bias", 2.0, 0.0}}}});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Options, LearnerAllocations, ::testing::ValuesIn(cases()),
                         [](const auto& chosen) { return chosen.param.name; });

TEST_P(LearnerAllocations, AreNoneInAStepOrAnEvaluation) {
  LearnerOptions options = GetParam().options;
  options.team = std::make_shared<ThreadTeam>(2);
  Learner learner(Sequential({20}, Dense{64}, Relu{}, Dropout{0.1F}, Dense{5}), options);
  const std::int64_t last = 7;  // the smaller batch at the end of an epoch
  const auto epoch = [&] {
    for (int i = 0; i < 6; ++i) learner.step(i == 5 ? last : GetParam().rows, i % 2);
    learner.evaluate(GetParam().rows);
  };
  for (const std::int64_t rows : {GetParam().rows, last}) {
    for (const int slot : {0, 1}) {
      const Batch batch = learner.batch(rows, slot);
      fill(batch.inputs[0]);
      fill(batch.target);
      if (batch.weights.data != nullptr) fill(batch.weights);
    }
  }
  const Batch batch = learner.evaluation_batch(GetParam().rows);
  fill(batch.inputs[0]);
  fill(batch.target);
  if (batch.weights.data != nullptr) fill(batch.weights);
  epoch();  // plans are made on first use
  EXPECT_EQ(allocations_of(epoch), 0);
}

/// Winograd's kernels: convolutions of 3×3 between 16 channels, forward and back.
TEST(ImageAllocations, AreNoneByFewerMultiplications) {
  LearnerOptions options{.optimizer = Sgd{.learning_rate = 0.01F, .momentum = 0.9F}};
  options.team = std::make_shared<ThreadTeam>(2);
  Learner learner(Sequential({16, 12, 12}, Conv2d{16, 3, Padding::same}, BatchNorm{}, Relu{},
                             Residual{.body = {Conv2d{16, 3, Padding::same}, BatchNorm{}}}, GlobalAveragePool{}, Dense{5}),
                  options);
  int tiled = 0;
  for (const PlanStep& step : learner.training_plan(8).steps()) tiled += step.kernel.starts_with("winograd") ? 1 : 0;
  EXPECT_EQ(tiled, 2 + 1 + 2) << "the first layer needs no gradient of its input";
  const auto epoch = [&] {
    for (int i = 0; i < 4; ++i) learner.step(8);
    learner.evaluate(8);
  };
  for (const Batch& batch : {learner.batch(8), learner.evaluation_batch(8)}) {
    fill(batch.inputs[0]);
    fill(batch.target);
  }
  epoch();  // plans are made on first use
  EXPECT_EQ(allocations_of(epoch), 0);
}

/// Layers for pictures: windows, pools and normalisations, at every turn that a step takes.
TEST(ImageAllocations, AreNoneInAStepOrAnEvaluation) {
  LearnerOptions options{.optimizer = Adam{}};
  options.team = std::make_shared<ThreadTeam>(2);
  Learner learner(
      Sequential({3, 12, 12}, Conv2d{8, 3, Padding::same}, BatchNorm{}, Relu{}, MaxPool2d{2}, Conv2d{24, 3, Padding::same, 2},
                 GroupNorm{4}, AveragePool2d{2}, ConvTranspose2d{6, 2, Padding::valid, 2}, DepthwiseConv2d{2}, LpPool2d{1},
                 LocalResponseNorm{}, Flatten{}, LayerNorm{}, Dense{5}),
      options);
  const auto epoch = [&] {
    for (int i = 0; i < 4; ++i) learner.step(9);
    learner.evaluate(9);
  };
  for (const Batch& batch : {learner.batch(9), learner.evaluation_batch(9)}) {
    fill(batch.inputs[0]);
    fill(batch.target);
  }
  epoch();  // plans are made on first use
  EXPECT_EQ(allocations_of(epoch), 0);
}

/// Every kind of recurrent neuron that ONNX has, by the samples of the ops: peepholes, clipped sums, coupled gates, any activation.
class RecurrentAllocations : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Ops, RecurrentAllocations, ::testing::Values("RNN", "GRU", "LSTM"),
                         [](const auto& chosen) { return std::string(chosen.param); });

/// The op's outputs and the gradients of what it reads, for as many threads.
Plan walk_and_back(const ops::testing::Case& test, int threads) {
  Graph graph(ops::table());
  const std::vector<Value> inputs = test.values(graph);
  const auto outputs = graph.emit_all(test.op, inputs, test.sample.options);
  Value loss;
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    graph.output("out" + std::to_string(o), outputs[o]);
    const Value sum = graph.emit("ReduceSum", {outputs[o] * outputs[o]});
    loss = loss ? loss + sum : sum;
  }
  std::vector<Value> reached;
  std::ranges::copy_if(inputs, std::back_inserter(reached), [](const Value& x) { return x && x.type().dtype == DType::f32; });
  const auto slopes = gradients(loss, reached);
  for (std::size_t i = 0; i < slopes.size(); ++i) graph.output("slope" + std::to_string(i), slopes[i]);
  CompileOptions options;
  options.team = std::make_shared<ThreadTeam>(threads);
  Plan plan = compile(graph, std::make_shared<StateStore>(graph.table()), options);
  for (std::size_t i = 0; i < test.inputs.size(); ++i) {
    if (!test.present[i]) continue;
    const Tensor values = narrow(test.inputs[i]);
    std::memcpy(plan.input("in" + std::to_string(i)).data, values.bytes().data(), values.bytes().size());
  }
  return plan;
}

TEST_P(RecurrentAllocations, AreNoneForwardOrBackwardInAnyKind) {
  const OpDef& op = ops::table()->find(GetParam());
  for (const Sample& sample : op.samples()) {
    for (const int threads : {1, 2}) {
      Plan plan = walk_and_back({op, sample}, threads);
      plan.run();
      EXPECT_EQ(allocations_of([&] { plan.run(); }), 0) << sample.note << ", threads: " << threads;
      for (const PlanStep& step : plan.steps()) EXPECT_NE(step.kernel, "reference") << sample.note << ": " << step.op;
    }
  }
}

}  // namespace
}  // namespace neurons
