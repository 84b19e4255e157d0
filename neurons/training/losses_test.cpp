#include "neurons/training/losses.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <map>

#include "neurons/base/testing.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/interpret.hpp"
#include "neurons/plan/plan.hpp"
#include "neurons/training/training_testing.hpp"

namespace neurons {
namespace {

using testing::floats;
using ::testing::HasSubstr;
using testing::labels;
using testing::message_of;

/// A mean loss and its gradient with respect to the prediction.
struct Outcome {
  double value = 0;
  std::vector<double> gradient;
};

struct Case {
  Loss loss;
  Tensor prediction;
  Tensor target;
  Tensor weights = Tensor();  ///< of samples; a scalar stands for none
};

/// Prediction, target and weights as inputs; "loss" and "gradient" as outputs.
Graph graph_of(const Case& example) {
  Graph graph(ops::table());
  const Value prediction = graph.input("prediction", example.prediction.type());
  const TensorType wanted = example.loss.target_type(prediction.type(), example.target.dtype() == DType::i64);
  EXPECT_EQ(wanted, example.target.type());
  const Value target = graph.input("target", wanted);
  const bool weighted = example.weights.shape().rank() > 0;
  const Value weights = weighted ? graph.input("weights", example.weights.type()) : Value{};
  const Value loss = mean_loss(example.loss, prediction, target, weights);
  graph.output("loss", loss);
  graph.output("gradient", gradients(loss, std::vector<Value>{prediction}).front());
  return graph;
}

Outcome by_interpreter(const Case& example) {
  const Graph graph = graph_of(example);
  ReferenceValues given{{"prediction", widen(example.prediction)}, {"target", widen(example.target)}};
  if (graph.has("weights")) given.emplace("weights", widen(example.weights));
  const auto values = interpret(graph, given);
  const auto output = [&](std::size_t index) { return values[static_cast<std::size_t>(graph.outputs()[index].value)].data; };
  return {output(0).front(), output(1)};
}

Outcome by_plan(const Case& example) {
  const Graph graph = graph_of(example);
  Plan plan = compile(graph, std::make_shared<StateStore>(ops::table()));
  plan.input("prediction").assign(example.prediction);
  plan.input("target").assign(example.target);
  if (graph.has("weights")) plan.input("weights").assign(example.weights);
  plan.run();
  const auto slopes = plan.output("gradient").values<float>();
  return {static_cast<double>(plan.output("loss").values<float>()[0]), {slopes.begin(), slopes.end()}};
}

void expect_near(const Outcome& found, double value, const std::vector<double>& gradient, double tolerance) {
  EXPECT_NEAR(found.value, value, tolerance * std::max(1.0, std::abs(value)));
  ASSERT_EQ(found.gradient.size(), gradient.size());
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    EXPECT_NEAR(found.gradient[i], gradient[i], tolerance * std::max(1.0, std::abs(gradient[i]))) << "gradient " << i;
  }
}

class AgainstPyTorch : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { fixture_ = read_npz(NEURONS_SOURCE_DIR "/tests/fixtures/losses.npz"); }
  static Tensor array(const std::string& name) {
    const Tensor& stored = fixture_.at(name);
    return stored.dtype() == DType::f64 ? stored.cast(DType::f32) : stored;  // exact: see tests/fixtures/README.md
  }
  static std::vector<float> list(const std::string& name) {
    const Tensor tensor = array(name);
    return {tensor.values<float>().begin(), tensor.values<float>().end()};
  }
  static void check(const std::string& name, const Case& example, const std::string& input) {
    SCOPED_TRACE(name);
    const double value = fixture_.at(name + "/value").values<double>()[0];
    const auto slopes = fixture_.at(name + "/" + input + "_gradient").values<double>();
    const std::vector<double> gradient(slopes.begin(), slopes.end());
    expect_near(by_interpreter(example), value, gradient, 1e-7);  // options are floats: 0.1F is not 0.1
    expect_near(by_plan(example), value, gradient, 1e-6);
  }
  static inline std::map<std::string, Tensor> fixture_;
};

TEST_F(AgainstPyTorch, CrossEntropyOfLabels) {
  const auto of = [](const CrossEntropy& loss) { return Case{loss, array("logits"), array("labels")}; };
  const auto weights = list("class_weights");
  check("cross_entropy", of({}), "logits");
  check("cross_entropy_smoothing", of({.label_smoothing = 0.1F, .class_weights = {}}), "logits");
  check("cross_entropy_weights", of({.label_smoothing = 0, .class_weights = weights}), "logits");
  check("cross_entropy_weights_smoothing", of({.label_smoothing = 0.1F, .class_weights = weights}), "logits");
}

TEST_F(AgainstPyTorch, CrossEntropyOfSoftTargets) {
  const auto of = [](const CrossEntropy& loss) { return Case{loss, array("logits"), array("soft_targets")}; };
  check("cross_entropy_soft", of({}), "logits");
  check("cross_entropy_soft_smoothing", of({.label_smoothing = 0.1F, .class_weights = {}}), "logits");
  check("cross_entropy_soft_weights", of({.label_smoothing = 0, .class_weights = list("class_weights")}), "logits");
}

TEST_F(AgainstPyTorch, BinaryCrossEntropy) {
  check("bce_with_logits", {BinaryCrossEntropy{}, array("scores"), array("binary_targets")}, "scores");
  check("bce_with_logits_soft", {BinaryCrossEntropy{}, array("scores"), array("binary_soft_targets")}, "scores");
}

TEST_F(AgainstPyTorch, Regression) {
  const auto of = [](const Loss& loss) { return Case{loss, array("predictions"), array("values")}; };
  check("mse", of(MeanSquaredError{}), "predictions");
  check("mae", of(MeanAbsoluteError{}), "predictions");
  check("huber_1", of(Huber{}), "predictions");
  check("huber_half", of(Huber{.delta = 0.5F}), "predictions");
}

TEST_F(AgainstPyTorch, SampleWeights) {
  check("mse_sample_weights_over_weights", {MeanSquaredError{}, array("predictions"), array("values"), array("sample_weights")},
        "predictions");
}

TEST_F(AgainstPyTorch, Hinge) { check("multi_margin", {Hinge{}, array("logits"), array("labels")}, "logits"); }

TEST_F(AgainstPyTorch, KlDivergence) { check("kl_batchmean", {KlDivergence{}, array("logits"), array("soft_targets")}, "logits"); }

TEST_F(AgainstPyTorch, CosineDistance) {
  check("cosine", {CosineDistance{}, array("left"), array("right")}, "left");
  check("cosine", {CosineDistance{}, array("right"), array("left")}, "right");
}

TEST(Losses, ClassWeightsAndSampleWeightsMultiply) {
  // Two classes, logits 0: each sample's loss is log 2 whatever its label, so any weighted mean of them is, too. The gradient of a
  // sample's own logit is -½ of its share: 3·2, 1·1 of 7.
  const CrossEntropy loss{.label_smoothing = 0, .class_weights = {1, 3}};
  const Case example{loss, floats({2, 2}, {0, 0, 0, 0}), labels({1, 0}), floats({2}, {2, 1})};
  const std::vector<double> gradient{3.0 / 7, -3.0 / 7, -0.5 / 7, 0.5 / 7};
  expect_near(by_interpreter(example), std::log(2.0), gradient, 1e-12);
  expect_near(by_plan(example), std::log(2.0), gradient, 1e-6);
}

TEST(Losses, BinaryCrossEntropyTakesLabelsForOneOutput) {
  // softplus(2) - 2 and softplus(-1); the derivative is sigmoid(x) - label, halved by the mean.
  const Case example{BinaryCrossEntropy{}, floats({2, 1}, {2, -1}), labels({1, 0})};
  const double value = (std::log1p(std::exp(2.0)) - 2 + std::log1p(std::exp(-1.0))) / 2;
  const std::vector<double> gradient{(1 / (1 + std::exp(-2.0)) - 1) / 2, 1 / (1 + std::exp(1.0)) / 2};
  expect_near(by_interpreter(example), value, gradient, 1e-12);
  expect_near(by_plan(example), value, gradient, 1e-6);
}

TEST(Losses, OutputsOfAnyRankAreAveraged) {
  const Case example{MeanSquaredError{}, floats({2, 2, 1}, {1, 2, 3, 4}), floats({2, 2, 1}, {0, 0, 0, 0})};
  expect_near(by_plan(example), 7.5, {0.5, 1, 1.5, 2}, 1e-6);
  const Case flat{MeanAbsoluteError{}, floats({2}, {1, -3}), floats({2}, {0, 0})};
  expect_near(by_plan(flat), 2, {0.5, -0.5}, 1e-6);
}

TEST(Losses, KlDivergenceOfCertainTargetsIsCrossEntropy) {
  const Case example{KlDivergence{}, floats({1, 3}, {1, 2, 3}), floats({1, 3}, {0, 0, 1})};
  const double value = std::log(std::exp(-2.0) + std::exp(-1.0) + 1);
  const double sum = std::exp(-2.0) + std::exp(-1.0) + 1;
  expect_near(by_plan(example), value, {std::exp(-2.0) / sum, std::exp(-1.0) / sum, 1 / sum - 1}, 1e-6);
}

TEST(Losses, CosineDistanceOfAZeroVectorIsFinite) {
  const auto outcome = by_plan({CosineDistance{}, floats({1, 2}, {0, 0}), floats({1, 2}, {3, 4})});
  EXPECT_FLOAT_EQ(static_cast<float>(outcome.value), 1);
  for (const double slope : outcome.gradient) EXPECT_TRUE(std::isfinite(slope));
}

TEST(Losses, WhatIsNotFiniteShows) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(std::isnan(by_plan({CrossEntropy{}, floats({1, 2}, {std::nanf(""), 0}), labels({0})}).value));
  for (const std::int64_t label : {-1, 2, 7}) {  // of two classes
    EXPECT_TRUE(std::isnan(by_plan({Hinge{}, floats({1, 2}, {1, 0}), labels({label})}).value)) << label;
  }
  EXPECT_TRUE(std::isinf(by_plan({MeanSquaredError{}, floats({1, 1}, {infinity}), floats({1, 1}, {0})}).value));
}

/// Each step is a row; those whose label is -100 are as if they were not there.
TEST(Losses, CrossEntropyOfSequencesIsTheMeanOverTheirSteps) {
  std::vector<float> scores;
  for (int i = 0; i < 2 * 3 * 4; ++i) scores.push_back(std::sin(static_cast<float>(i)));
  const Tensor sequences = floats({2, 3, 4}, scores);
  const Tensor labels = Tensor::of<std::int64_t>({2, 3}, {1, 0, -100, 3, -100, -100});
  std::vector<float> kept(scores.begin(), scores.begin() + 8);
  kept.insert(kept.end(), scores.begin() + 12, scores.begin() + 16);
  const Tensor rows = floats({3, 4}, kept);
  const Tensor row_labels = Tensor::of<std::int64_t>({3}, {1, 0, 3});
  for (const CrossEntropy& loss : {CrossEntropy{}, CrossEntropy{.label_smoothing = 0.1F, .class_weights = {1, 2, 3, 4}},
                                   CrossEntropy{.label_smoothing = 0.2F}}) {
    const Outcome expected = by_plan({loss, rows, row_labels});
    const Outcome found = by_plan({loss, sequences, labels});
    EXPECT_NEAR(found.value, expected.value, 1e-6);
    EXPECT_NEAR(by_interpreter({loss, sequences, labels}).value, expected.value, 1e-6);
    for (std::size_t i = 0; i < 24; ++i) {
      const double slope = i < 8 ? expected.gradient[i] : i >= 12 && i < 16 ? expected.gradient[i - 4] : 0;
      EXPECT_NEAR(found.gradient[i], slope, 1e-6) << i;
    }
  }
  const Tensor nothing = Tensor::of<std::int64_t>({2, 3}, std::vector<std::int64_t>(6, -100));
  EXPECT_EQ(by_plan({CrossEntropy{}, sequences, nothing}).value, 0);
}

/// `count` steps of two sequences of three steps each: numbers for all of them, or of those steps alone that count as rows.
struct Steps {
  static constexpr std::size_t kSteps = 6;
  static bool counts(std::size_t step) { return step != 2 && step < 4; }

  explicit Steps(std::size_t columns) : width(columns) {}
  std::size_t width;

  Tensor all(const std::vector<float>& numbers) const { return floats({2, 3, static_cast<std::int64_t>(width)}, numbers); }
  Tensor kept(const std::vector<float>& numbers) const {
    std::vector<float> rows;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (counts(i / width)) rows.push_back(numbers[i]);
    }
    return floats({3, static_cast<std::int64_t>(width)}, rows);
  }
  /// Those that do not count are `otherwise`.
  std::vector<float> numbers(float first, float otherwise) const {
    std::vector<float> result;
    for (std::size_t i = 0; i < kSteps * width; ++i) {
      const float value = 0.5F + 0.45F * std::sin(first + static_cast<float>(i));
      result.push_back(counts(i / width) ? value : otherwise);
    }
    return result;
  }
};

void expect_as_rows(const Case& sequences, const Case& rows, const Steps& steps) {
  const Outcome expected = by_plan(rows);
  for (const Outcome& found : {by_plan(sequences), by_interpreter(sequences)}) {
    EXPECT_NEAR(found.value, expected.value, 1e-6) << sequences.loss.kind();
    std::size_t next = 0;
    for (std::size_t i = 0; i < found.gradient.size(); ++i) {
      const double slope = Steps::counts(i / steps.width) ? expected.gradient[next++] : 0;
      EXPECT_NEAR(found.gradient[i], slope, 1e-6) << sequences.loss.kind() << " " << i;
    }
  }
}

/// A step whose target is NaN is as if it were not there, whatever the network says there.
TEST(Losses, AStepWithoutATargetCountsNowhere) {
  const float nan = std::nanf("");
  for (const std::size_t width : {std::size_t{1}, std::size_t{3}}) {
    const Steps steps(width);
    for (const Loss& loss : {Loss(MeanSquaredError{}), Loss(MeanAbsoluteError{}), Loss(Huber{.delta = 0.2F}),
                             Loss(BinaryCrossEntropy{}), Loss(KlDivergence{}), Loss(CosineDistance{}), Loss(CrossEntropy{}),
                             Loss(CrossEntropy{.label_smoothing = 0.1F, .class_weights = {1, 2, 3}})}) {
      if (width == 1 && loss.is_of_shares() && loss.kind() != BinaryCrossEntropy::kKind) continue;
      const auto targets = steps.numbers(1, nan);
      for (const float said : {0.0F, 1e30F, nan, std::numeric_limits<float>::infinity()}) {
        const auto predictions = steps.numbers(4, said);
        expect_as_rows({loss, steps.all(predictions), steps.all(targets)}, {loss, steps.kept(predictions), steps.kept(targets)},
                       steps);
      }
    }
  }
}

TEST(Losses, AStepWithAnIgnoredLabelCountsNowhere) {
  for (const float said : {7.0F, std::nanf("")}) {
    for (const std::size_t width : {std::size_t{1}, std::size_t{3}, std::size_t{40}}) {
      const Steps steps(width);
      const auto predictions = steps.numbers(4, said);
      const Tensor all = Tensor::of<std::int64_t>({2, 3}, {1, 0, -100, 1, -100, -100});
      const Tensor kept = labels({1, 0, 1});
      for (const Loss& loss : {Loss(BinaryCrossEntropy{}), Loss(Hinge{}), Loss(CrossEntropy{})}) {
        if ((width == 1) != (loss.kind() == BinaryCrossEntropy::kKind)) continue;
        expect_as_rows({loss, steps.all(predictions), all}, {loss, steps.kept(predictions), kept}, steps);
      }
    }
  }
}

/// Of values one alone may be missing: means are over those that are there.
TEST(Losses, AMissingValueCountsNowhere) {
  const Tensor targets = floats({1, 2, 2}, {1, std::nanf(""), 0, 2});
  expect_near(by_plan({MeanSquaredError{}, floats({1, 2, 2}, {2, 9, 2, 4}), targets}), (1.0 + 4 + 4) / 3,
              {2.0 / 3, 0, 4.0 / 3, 4.0 / 3}, 1e-6);
}

TEST(Losses, ABatchInWhichNothingCountsTeachesNothing) {
  const Tensor nothing = floats({2, 2, 3}, std::vector<float>(12, std::nanf("")));
  const Tensor said = floats({2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, std::nanf("")});
  for (const Loss& loss : {Loss(MeanSquaredError{}), Loss(MeanAbsoluteError{}), Loss(Huber{}), Loss(BinaryCrossEntropy{}),
                           Loss(KlDivergence{}), Loss(CosineDistance{}), Loss(CrossEntropy{})}) {
    expect_near(by_plan({loss, said, nothing}), 0, std::vector<double>(12, 0), 0);
  }
  const Tensor ignored = Tensor::of<std::int64_t>({2, 2}, {-100, -100, -100, -100});
  for (const Loss& loss : {Loss(CrossEntropy{}), Loss(Hinge{})}) {
    expect_near(by_plan({loss, said, ignored}), 0, std::vector<double>(12, 0), 0);
  }
}

TEST(Losses, SayWhatTheyCannotUse) {
  const TensorType one{DType::f32, {8, 1}};
  const TensorType three{DType::f32, {8, 3}};
  const TensorType picture{DType::f32, {8, 3, 4, 4}};
  const auto refusal = [](const Loss& loss, const TensorType& prediction, bool has_labels) {
    return message_of([&] { loss.target_type(prediction, has_labels); });
  };
  EXPECT_THAT(refusal(CrossEntropy{}, picture, true),
              HasSubstr("loss cross_entropy: expects predictions [batch, classes], got [8, 3, 4, 4]; add Flatten{}"));
  EXPECT_THAT(refusal(CrossEntropy{.label_smoothing = 0, .class_weights = {1, 2}}, three, true),
              HasSubstr("2 class weights for 3 classes"));
  EXPECT_THAT(refusal(CrossEntropy{.label_smoothing = 0, .class_weights = {1, -2, 1}}, three, true),
              HasSubstr("the class weight -2 must be at least 0"));
  EXPECT_THAT(refusal(CrossEntropy{.label_smoothing = 0, .class_weights = {0, 0, 0}}, three, true),
              HasSubstr("all class weights are 0"));
  EXPECT_THAT(refusal(CrossEntropy{.label_smoothing = 1.5F, .class_weights = {}}, three, true),
              HasSubstr("label_smoothing = 1.5 must be in [0, 1]"));
  EXPECT_THAT(refusal(CrossEntropy{.label_smoothing = std::nanf(""), .class_weights = {}}, three, true),
              HasSubstr("label_smoothing = nan"));
  EXPECT_THAT(refusal(BinaryCrossEntropy{}, three, true),
              HasSubstr("class labels need one output a sample, the network has [8, 3]; use cross_entropy"));
  for (const Loss& loss :
       {Loss(MeanSquaredError{}), Loss(MeanAbsoluteError{}), Loss(Huber{}), Loss(KlDivergence{}), Loss(CosineDistance{})}) {
    EXPECT_THAT(refusal(loss, three, true), HasSubstr("loss " + loss.kind() + ": the data has class labels; use cross_entropy"));
    EXPECT_EQ(loss.target_type(three, false), three);
  }
  for (const Loss& loss : {Loss(CrossEntropy{}), Loss(Hinge{})}) {
    EXPECT_THAT(refusal(loss, one, true), HasSubstr("loss " + loss.kind() +
                                                    ": class labels need an output for each class, the network "
                                                    "has [8, 1]"));
  }
  for (const Loss& loss : {Loss(CrossEntropy{}), Loss(KlDivergence{})}) {
    EXPECT_EQ(loss.target_type(three, false), three);
    EXPECT_THAT(refusal(loss, one, false),
                HasSubstr("loss " + loss.kind() + ": needs an output for each class, the network has [8, 1]"));
  }
  EXPECT_THAT(refusal(Hinge{}, three, false), HasSubstr("loss hinge"));
  EXPECT_THAT(refusal(Hinge{}, picture, true), HasSubstr("expects predictions [batch, classes]"));
  EXPECT_THAT(refusal(Huber{.delta = 0}, one, false), HasSubstr("loss huber: delta = 0 must be positive"));
  EXPECT_THAT(refusal(Huber{.delta = std::nanf("")}, one, false), HasSubstr("delta = nan"));
}

TEST(Losses, TheTableMakesEachFromItsAttributes) {
  EXPECT_EQ(loss_kinds().size(), 8U);
  for (const auto& [kind, loss] : loss_kinds()) {
    EXPECT_EQ(loss.kind(), kind);
    EXPECT_EQ(loss.with(loss.attributes()).attributes(), loss.attributes());
  }
  EXPECT_THAT(message_of([] { loss_of_kind("cross_entrpy"); }),
              HasSubstr("unknown loss \"cross_entrpy\"; did you mean \"cross_entropy\"?"));
  EXPECT_THAT(message_of([] { loss_of_kind("huber").with({{"delt", 2.0}}); }), HasSubstr("did you mean \"delta\"?"));
}

}  // namespace
}  // namespace neurons
