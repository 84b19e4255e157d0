#include "neurons/training/full_batch.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "neurons/base/random.hpp"
#include "neurons/base/testing.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/dropout.hpp"
#include "neurons/plan/interpret.hpp"
#include "neurons/training/network_mean_loss.hpp"
#include "neurons/training/network_squares.hpp"
#include "neurons/training/optimizers.hpp"
#include "neurons/training/training_testing.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using Vector = std::vector<double>;
using testing::floats;

/// t and sin 3t for t in [-1, 1].
Dataset sine(std::int64_t samples) {
  Dataset data;
  data.inputs = Tensor(DType::f32, {samples, 1});
  data.targets = Tensor(DType::f32, {samples, 1});
  for (std::int64_t i = 0; i < samples; ++i) {
    const double t = 2.0 * static_cast<double>(i) / static_cast<double>(samples - 1) - 1;
    data.inputs.values<float>()[static_cast<std::size_t>(i)] = static_cast<float>(t);
    data.targets.values<float>()[static_cast<std::size_t>(i)] = static_cast<float>(std::sin(3 * t));
  }
  return data;
}

/// Random samples of three features and two targets.
Dataset two_outputs(std::int64_t samples, bool weighted = false) {
  RandomStream random(3);
  Dataset data;
  data.inputs = Tensor(DType::f32, {samples, 3});
  data.targets = Tensor(DType::f32, {samples, 2});
  for (float& value : data.inputs.values<float>()) value = static_cast<float>(random.normal());
  for (float& value : data.targets.values<float>()) value = static_cast<float>(random.normal());
  for (std::int64_t i = 0; weighted && i < samples; ++i)
    data.sample_weights.push_back(i % 3 == 0 ? 0.0F : 0.5F * static_cast<float>(i % 5));
  return data;
}

/// Two clouds of points that overlap, 40 + 40.
Dataset clouds() {
  RandomStream random(11);
  Dataset data;
  data.inputs = Tensor(DType::f32, {80, 2});
  data.targets = Tensor(DType::i64, {80});
  for (std::size_t i = 0; i < 80; ++i) {
    data.targets.values<std::int64_t>()[i] = static_cast<std::int64_t>(i % 2);
    for (std::size_t c = 0; c < 2; ++c) {
      data.inputs.values<float>()[2 * i + c] = static_cast<float>(random.normal() + (i % 2 == 0 ? -0.8 : 0.8));
    }
  }
  data.class_names = {"left", "right"};
  return data;
}

std::map<std::string, Tensor> parameters_after(FullBatchRun& run, int iterations) {
  for (int i = 0; i < iterations; ++i) run.iterate();
  return run.network().parameters();
}

FullBatchOptions squares(int threads = 1) { return {.loss = MeanSquaredError{}, .team = std::make_shared<ThreadTeam>(threads)}; }

TEST(FullBatch, LbfgsSolvesLogisticRegressionToASmallGradient) {
  const Network network = Sequential{{2}, Dense{2}};
  const auto run = start_full_batch(Lbfgs{.gradient_tolerance = 1e-6}, network, clouds(), {.l2 = 1e-2});
  IterationResult result;
  double last = 1e9;
  int iterations = 0;
  do {
    result = run->iterate();
    EXPECT_LE(result.objective, last + 1e-6);
    EXPECT_GE(result.objective, result.loss);
    last = result.objective;
  } while (!result.converged && ++iterations < 100);
  EXPECT_TRUE(result.finite);
  EXPECT_LE(result.gradient_norm, 1e-6);
  EXPECT_LT(iterations, 40);
}

TEST(FullBatch, MeanLossAndGradientAreTheInterpreters) {
  // More samples than a batch holds, in uneven batches, with weights.
  const Dataset data = two_outputs(2 * PlannedData::kBatchRows + 1, true);
  Network network = Sequential{{3}, Dense{4, "tanh"}, Dense{2}};
  network.initialize(5);
  constexpr double kDecay = 0.3;
  NetworkMeanLoss function(network, data, MeanSquaredError{}, kDecay, nullptr);
  const Vector point = function.flat().read(network);
  Vector gradient(point.size());
  const double value = function(point, gradient);

  Graph graph(network.table());
  network.build(graph, data.samples(), Mode::training);
  const Value prediction = graph.value(graph.outputs().front().value);
  const Value loss = mean_loss(MeanSquaredError{}, prediction, graph.input("target", prediction.type()),
                               graph.input("weights", {DType::f32, {data.samples()}}));
  graph.output("loss", loss);
  std::vector<Value> trained;
  for (const auto& entry : function.flat().entries()) trained.push_back(graph.find(entry.name));
  for (const Value& slope : gradients(loss, trained)) graph.output("slope" + std::to_string(slope.id()), slope);
  ReferenceValues given{{"x", widen(data.inputs)},
                        {"target", widen(data.targets)},
                        {"weights", widen(floats({data.samples()}, data.sample_weights))}};
  for (const auto& [name, tensor] : network.parameters()) given.emplace(name, widen(tensor));
  const auto values = interpret(graph, given);
  double penalty = 0;
  for (std::size_t e = 0; e < trained.size(); ++e) {
    const auto& entry = function.flat().entries()[e];
    const auto& slopes = values[static_cast<std::size_t>(graph.outputs()[e + 2].value)].data;
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      const double w = point[entry.offset + i];
      const double decay = entry.name.ends_with(".weight") ? kDecay : 0;
      EXPECT_NEAR(gradient[entry.offset + i], slopes[i] + decay * w, 1e-6) << entry.name << " " << i;
      penalty += decay * w * w / 2;
    }
  }
  EXPECT_NEAR(value, values[static_cast<std::size_t>(graph.outputs()[1].value)].data[0] + penalty, 1e-6);
}

TEST(FullBatch, SquaresGradientAndCurvatureAgreeWithDifferences) {
  for (const bool weighted : {false, true}) {
    const Dataset data = two_outputs(700, weighted);
    Network network = Sequential{{3}, Dense{4, "tanh"}, Dense{2}};
    network.initialize(5);
    NetworkSquares function(network, data, std::make_shared<ThreadTeam>(2));
    Vector point = function.flat().read(network);
    const std::size_t size = point.size();
    Vector gradient(size);
    Vector curvature(size * size);
    const double sum = function.linearize(point, gradient, curvature);
    EXPECT_EQ(function.residuals(), 1400U);
    EXPECT_NEAR(function.squares(point), sum, 1e-9 * sum);
    // Σr² along a line: its slope is 2 Jᵀr, and the last layer, in which r is linear, has exactly the curvature 2 JᵀJ.
    constexpr double kStep = 0x1p-6;
    for (std::size_t i = 0; i < size; ++i) {
      const double kept = point[i];
      point[i] = kept + kStep;
      const double above = function.squares(point);
      point[i] = kept - kStep;
      const double below = function.squares(point);
      point[i] = kept;
      EXPECT_NEAR((above - below) / (2 * kStep), 2 * gradient[i], 2e-2 + 2e-3 * std::abs(gradient[i])) << i;
      if (i < size - 10) continue;
      const double second = (above - 2 * sum + below) / (kStep * kStep);
      EXPECT_NEAR(second, 2 * curvature[i * size + i], 1e-3 * second + 0.1) << i;
    }
    for (std::size_t a = 0; a < size; ++a) {
      for (std::size_t b = 0; b < a; ++b) EXPECT_NEAR(curvature[a * size + b], curvature[b * size + a], 1e-4 * sum);
    }
  }
}

TEST(FullBatch, MarquardtFitsACurveInAFewSteps) {
  Network network = Sequential{{1}, Dense{6, "tanh"}, Dense{1}};
  network.initialize(1);
  const auto run = start_full_batch(LevenbergMarquardt{}, network, sine(60), squares());
  IterationResult result;
  int iterations = 0;
  do {
    result = run->iterate();
  } while (++iterations < 40 && result.loss > 1e-4);
  EXPECT_LE(result.loss, 1e-4) << run->summary();
}

TEST(FullBatch, MarquardtFindsANetworkThatExplainsAllInTwelveSteps) {
  Network teacher = Sequential{{1}, Dense{2, "tanh"}, Dense{1}};
  teacher.set_parameter("dense1.weight", floats({2, 1}, {2, -1}));
  teacher.set_parameter("dense1.bias", floats({2}, {0.5F, 1}));
  teacher.set_parameter("dense2.weight", floats({1, 2}, {1.5F, 1}));
  teacher.set_parameter("dense2.bias", floats({1}, {0.2F}));
  Dataset data = sine(60);
  for (std::size_t i = 0; i < 60; ++i) {
    const double t = static_cast<double>(data.inputs.values<float>()[i]);
    data.targets.values<float>()[i] = static_cast<float>(1.5 * std::tanh(2 * t + 0.5) + std::tanh(1 - t) + 0.2);
  }
  Network pupil = teacher;
  for (const auto& [name, tensor] : teacher.parameters()) {
    Tensor moved = tensor;
    for (float& number : moved.values<float>()) number *= 1.1F;
    pupil.set_parameter(name, moved);
  }
  const auto run = start_full_batch(LevenbergMarquardt{}, pupil, data, squares());
  IterationResult result;
  for (int i = 0; i < 12; ++i) result = run->iterate();
  EXPECT_LE(result.loss, 1e-12) << "a millionth of a target's size: all that floats can tell";
}

TEST(FullBatch, MarquardtSolvesALinearNetworkAlmostAtOnce) {
  const Dataset data = two_outputs(50);
  const auto run = start_full_batch(LevenbergMarquardt{.damping = 1e-6}, Sequential{{3}, Dense{2}}, data, squares());
  run->iterate();
  run->iterate();
  const IterationResult result = run->iterate();
  EXPECT_LT(result.gradient_norm, 1e-5);
  const auto lbfgs = start_full_batch(Lbfgs{.gradient_tolerance = 1e-6}, Sequential{{3}, Dense{2}}, data, squares());
  IterationResult other;
  for (int i = 0; i < 50 && !other.converged; ++i) other = lbfgs->iterate();
  EXPECT_NEAR(result.loss, other.loss, 1e-6) << "the minimum is one, whoever finds it";
}

TEST(FullBatch, DecayHoldsWeightsDownForBothMethods) {
  const Dataset data = two_outputs(50);
  FullBatchOptions options = squares();
  options.l2 = 0.5;
  double reached[2] = {};
  int place = 0;
  for (const Method& method : {Method(Lbfgs{.gradient_tolerance = 1e-6}), Method(LevenbergMarquardt{})}) {
    const auto run = start_full_batch(method, Sequential{{3}, Dense{2}}, data, options);
    IterationResult result;
    for (int i = 0; i < 60 && !result.converged; ++i) result = run->iterate();
    EXPECT_GT(result.objective, result.loss);
    reached[place++] = result.objective;
  }
  EXPECT_NEAR(reached[0], reached[1], 1e-6);
}

class EachMethod : public ::testing::TestWithParam<std::string> {
 protected:
  static Network network() {
    Network result = Sequential{{3}, Dense{5, "tanh"}, Dense{2}};
    result.initialize(2);
    return result;
  }
  static Method method() { return method_of_kind(GetParam()); }
};

TEST_P(EachMethod, IsTheSameBitsAtOneAndTwoThreads) {
  const Dataset data = two_outputs(700);
  const auto alone = start_full_batch(method(), network(), data, squares(1));
  const auto together = start_full_batch(method(), network(), data, squares(2));
  EXPECT_EQ(parameters_after(*alone, 6), parameters_after(*together, 6));
}

TEST_P(EachMethod, GoesOnBitExactlyFromItsState) {
  const Dataset data = two_outputs(90, true);
  const auto first = start_full_batch(method(), network(), data, squares());
  parameters_after(*first, 4);
  Network other = network();
  other.initialize(99);
  const auto second = start_full_batch(method(), other, data, squares());
  second->restore(first->state());
  EXPECT_EQ(first->network().parameters(), second->network().parameters());
  EXPECT_EQ(parameters_after(*first, 4), parameters_after(*second, 4));
}

TEST_P(EachMethod, LeavesFrozenParametersAlone) {
  Network frozen = network();
  frozen.freeze("dense1.*");
  const auto run = start_full_batch(method(), frozen, two_outputs(60), squares());
  const auto after = parameters_after(*run, 3);
  EXPECT_EQ(after.at("dense1.weight"), frozen.parameter("dense1.weight"));
  EXPECT_EQ(after.at("dense1.bias"), frozen.parameter("dense1.bias"));
  EXPECT_NE(after.at("dense2.weight"), frozen.parameter("dense2.weight"));
}

TEST_P(EachMethod, SamplesOfWeightZeroDoNotCount) {
  Dataset all = two_outputs(60);
  all.sample_weights.assign(60, 2.0F);
  for (std::size_t i = 30; i < 60; ++i) all.sample_weights[i] = 0;
  std::vector<std::int64_t> half(30);
  std::iota(half.begin(), half.end(), 0);
  const auto weighted = start_full_batch(method(), network(), all, squares());
  const auto alone = start_full_batch(method(), network(), two_outputs(60).subset(half), squares());
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(weighted->iterate().loss, alone->iterate().loss, 1e-4);
}

TEST_P(EachMethod, SaysThatALossIsNotFinite) {
  Network broken = network();
  Tensor weight = broken.parameter("dense2.weight");
  weight.values<float>()[0] = std::nanf("");
  broken.set_parameter("dense2.weight", weight);
  const auto run = start_full_batch(method(), broken, two_outputs(20), squares());
  const IterationResult result = run->iterate();
  EXPECT_FALSE(result.finite);
  EXPECT_TRUE(std::isnan(result.loss));
  EXPECT_EQ(run->network().parameter("dense1.weight"), broken.parameter("dense1.weight"));
}

TEST_P(EachMethod, RefusesWhatDoesNotFit) {
  const auto refusal = [](const Network& network, const Dataset& data, const FullBatchOptions& options = squares()) {
    return message_of([&] { start_full_batch(method(), network, data, options); });
  };
  const std::string kind = GetParam();
  EXPECT_THAT(refusal(Sequential{{4}, Dense{2}}, two_outputs(9)),
              HasSubstr(kind + ": the network takes samples [4], the data has [3]"));
  EXPECT_THAT(refusal(Sequential{{3}, Dense{1}}, two_outputs(9)),
              HasSubstr("loss mse on predictions [9, 1] needs targets f32[9, 1], the data has f32[9, 2]"));
  EXPECT_THAT(refusal(Sequential{{3}, Dense{4}, Dropout{0.5F}, Dense{2}}, two_outputs(9)), HasSubstr("dropout"));
  EXPECT_THAT(refusal(Sequential{{2}, Dense{2}}, clouds()), HasSubstr("the data has class labels"));
  Network frozen = network();
  frozen.freeze("*");
  EXPECT_THAT(refusal(frozen, two_outputs(9)), HasSubstr("nothing to train: all parameters are frozen"));
  Dataset unweighted = two_outputs(9);
  unweighted.sample_weights.assign(9, 0.0F);
  EXPECT_THAT(refusal(network(), unweighted), HasSubstr("all sample weights are 0"));
  Dataset broken = two_outputs(9);
  broken.inputs.values<float>()[4] = std::nanf("");
  EXPECT_THAT(refusal(network(), broken), HasSubstr("nan"));
  FullBatchOptions negative = squares();
  negative.l2 = -1;
  EXPECT_THAT(refusal(network(), two_outputs(9), negative), HasSubstr("l2 = -1 must be at least 0"));
  Network two_inputs;
  const auto a = two_inputs.input("a", {3});
  two_inputs.input("b", {3});
  two_inputs.output("y", two_inputs.add(Dense{2}, a));
  EXPECT_THAT(refusal(two_inputs, two_outputs(9)), HasSubstr("one input"));
}

INSTANTIATE_TEST_SUITE_P(FullBatch, EachMethod, ::testing::Values("lbfgs", "levenberg_marquardt"),
                         [](const auto& instance) { return instance.param; });

TEST(FullBatch, RefusesMethodsThatDoNotFit) {
  EXPECT_THAT(message_of([] {
                start_full_batch(Adam{}, Sequential{{3}, Dense{2}}, two_outputs(9), squares());
              }),
              HasSubstr("adam goes batch by batch"));
  EXPECT_THAT(message_of([] {
                start_full_batch(LevenbergMarquardt{}, Sequential{{2}, Dense{2}}, clouds(), {});
              }),
              HasSubstr("the loss must be mse, not cross_entropy; use lbfgs"));
  EXPECT_THAT(message_of([] {
                start_full_batch(LevenbergMarquardt{}, Sequential{{3}, Dense{2000}, Dense{2}}, two_outputs(9), squares());
              }),
              HasSubstr("12002 trained parameters are too many, at most 4096"));
  FullBatchOptions both = squares();
  both.l2 = 1;
  EXPECT_THAT(message_of([&] {
                start_full_batch(LevenbergMarquardt{.bayesian = true}, Sequential{{3}, Dense{2}}, two_outputs(9), both);
              }),
              HasSubstr("leave l2 at 0"));
  EXPECT_THAT(message_of([] {
                start_full_batch(Lbfgs{}, Sequential{{2}, Dense{1}},
                                 [] {
                                   Dataset data = clouds();
                                   data.class_names = {"a", "b", "c"};
                                   return data;
                                 }(),
                                 {.loss = BinaryCrossEntropy{}});
              }),
              HasSubstr("the data has 3 classes, the network 1 outputs"));
}

}  // namespace
}  // namespace neurons
