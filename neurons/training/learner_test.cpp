/// One step on one sample, worked by hand: what clipping, penalties, groups and freezing do to the gradients.

#include "neurons/training/learner.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "neurons/base/testing.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/shapes.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

struct Parameters {
  float w0 = 0.5F;
  float w1 = -1;
  float bias = 0.25F;
};

Network network() {
  Network result = Sequential{{2}, Dense{1}};
  const Parameters start;
  result.set_parameter("dense1.weight", Tensor::of<float>({1, 2}, std::vector<float>{start.w0, start.w1}));
  result.set_parameter("dense1.bias", Tensor::of<float>({1}, std::vector<float>{start.bias}));
  return result;
}

LearnerOptions options(const Optimizer& optimizer = Sgd{.learning_rate = 0.1F}) {
  LearnerOptions result;
  result.loss = MeanSquaredError{};
  result.optimizer = optimizer;
  result.labels = false;
  result.team = std::make_shared<ThreadTeam>(1);
  return result;
}

/// x = (1, 2): the prediction is -1.25. For target 0 the loss is its square, the slopes of w0, w1 and bias are -2.5, -5 and -2.5.
StepResult step(Learner& learner, float target = 0, double rate_scale = 1) {
  const Batch& batch = learner.batch(1);
  batch.inputs[0].values<float>()[0] = 1;
  batch.inputs[0].values<float>()[1] = 2;
  batch.target.values<float>()[0] = target;
  return learner.step(1, 0, rate_scale);
}

Parameters parameters_of(Learner& learner) {
  const auto weight = learner.network().parameter("dense1.weight");
  const auto bias = learner.network().parameter("dense1.bias");
  return {weight.values<float>()[0], weight.values<float>()[1], bias.values<float>()[0]};
}

Parameters after_a_step(const LearnerOptions& given, float target = 0, const Network& start = network()) {
  Learner learner(start, given);
  step(learner, target);
  return parameters_of(learner);
}

void expect_near(const Parameters& found, double w0, double w1, double bias) {
  EXPECT_NEAR(found.w0, w0, 1e-6);
  EXPECT_NEAR(found.w1, w1, 1e-6);
  EXPECT_NEAR(found.bias, bias, 1e-6);
}

TEST(Learner, GoesDownTheGradient) {
  Learner learner(network(), options());
  const StepResult result = step(learner);
  EXPECT_FLOAT_EQ(result.loss, 1.5625F);
  EXPECT_TRUE(result.updated);
  EXPECT_EQ(learner.steps(), 1);
  expect_near(parameters_of(learner), 0.75, -0.5, 0.5);
}

TEST(Learner, ASchedulesFactorScalesTheStep) {
  Learner learner(network(), options());
  step(learner, 0, 0.5);
  expect_near(parameters_of(learner), 0.625, -0.75, 0.375);
}

TEST(Learner, ClipsEachElementByValue) {
  LearnerOptions given = options();
  given.clip_value = 3;
  expect_near(after_a_step(given), 0.75, -0.7, 0.5);
}

TEST(Learner, ClipsAllGradientsByTheirCommonNorm) {
  LearnerOptions given = options();
  given.clip_norm = 0.5;
  const double scale = 0.5 / (std::sqrt(37.5) + 1e-6);
  expect_near(after_a_step(given), 0.5 + 0.25 * scale, -1 + 0.5 * scale, 0.25 + 0.25 * scale);
  given.clip_norm = 7;  // the norm is 6.12: nothing to clip
  expect_near(after_a_step(given), 0.75, -0.5, 0.5);
}

TEST(Learner, PenaltiesPullAtWeightsAlone) {
  LearnerOptions given = options();
  given.l2 = 0.2;
  expect_near(after_a_step(given), 0.75 - 0.1 * 0.2 * 0.5, -0.5 + 0.1 * 0.2, 0.5);
  given = options();
  given.l1 = 0.3;
  expect_near(after_a_step(given), 0.75 - 0.1 * 0.3, -0.5 + 0.1 * 0.3, 0.5);
}

TEST(Learner, DecayOfARulePullsAtBiasesToo) {
  const Parameters found = after_a_step(options(Sgd{.learning_rate = 0.1F, .weight_decay = 0.2F}));
  expect_near(found, 0.75 - 0.1 * 0.2 * 0.5, -0.5 + 0.1 * 0.2, 0.5 - 0.1 * 0.2 * 0.25);
}

TEST(Learner, DecoupledDecayShrinksWithoutTheGradient) {
  // The target is the prediction: all slopes are 0, and what is left is w (1 - rate · decay).
  for (const Optimizer& rule : {Optimizer(AdamW{.learning_rate = 0.1F, .weight_decay = 0.2F}),
                                Optimizer(Lion{.learning_rate = 0.1F, .weight_decay = 0.2F})}) {
    expect_near(after_a_step(options(rule), -1.25F), 0.5 * 0.98, -0.98, 0.25 * 0.98);
  }
  // Coupled decay is a gradient like any other: Adam's first step has the size of its rate, whatever the gradient's.
  expect_near(after_a_step(options(Adam{.learning_rate = 0.1F, .weight_decay = 0.2F}), -1.25F), 0.4, -0.9, 0.15);
}

TEST(Learner, GroupsHaveRatesAndDecaysOfTheirOwn) {
  LearnerOptions given = options(Sgd{.learning_rate = 0.1F, .weight_decay = 0.2F});
  given.groups = {{"*.bias", 0.5, 0.0}};
  expect_near(after_a_step(given), 0.75 - 0.1 * 0.2 * 0.5, -0.5 + 0.1 * 0.2, 0.25 + 0.05 * 2.5);
  given.groups = {{"*.weight", 0.0, {}}, {"*", 2.0, 0.0}};  // the first match counts
  expect_near(after_a_step(given), 0.5, -1, 0.25 + 0.2 * 2.5);
  given = options(AdamW{.learning_rate = 0.1F, .weight_decay = 0.2F});
  given.groups = {{"*.weight", 1.0, 0.4}};
  expect_near(after_a_step(given, -1.25F), 0.5 * 0.96, -0.96, 0.25 * 0.98);
}

TEST(Learner, FrozenParametersStay) {
  Network frozen = network();
  frozen.freeze("*.weight");
  expect_near(after_a_step(options(), 0, frozen), 0.5, -1, 0.5);
  frozen.freeze("*");
  Learner learner(frozen, options());
  EXPECT_TRUE(learner.trained().empty());
  EXPECT_FLOAT_EQ(step(learner).loss, 1.5625F) << "a network with nothing to train still has a loss";
  expect_near(parameters_of(learner), 0.5, -1, 0.25);
}

TEST(Learner, TrainsALayerThatTwoInputsShare) {
  Network twins;
  const auto right = twins.input("right", {1});
  const auto left = twins.input("left", {1});
  const auto looked = twins.add(Dense{.units = 1, .bias = false}, left, "look");
  const auto product = twins.add(Multiply{}, {twins.share("look", {right}), looked});
  twins.output("product", product);
  twins.output("left alone", looked);
  twins.set_parameter("look.weight", Tensor::of<float>({1, 1}, std::vector<float>{0.5F}));
  Learner learner(twins, options());
  const Batch& batch = learner.batch(1);
  ASSERT_EQ(batch.inputs.size(), 2U);
  batch.inputs[0].values<float>()[0] = 3;   // right
  batch.inputs[1].values<float>()[0] = -2;  // left
  batch.target.values<float>()[0] = 0;
  // The first output is w² · 3 · (-2) = -1.5; the slope of its square is 2 · (-1.5) · 2w · (-6) = 18.
  EXPECT_FLOAT_EQ(learner.step(1).loss, 2.25F);
  EXPECT_FLOAT_EQ(learner.network().parameter("look.weight").values<float>()[0], 0.5F - 0.1F * 18);

  Plan& plan = learner.inference(1);
  plan.input("left").values<float>()[0] = 10;
  plan.input("right").values<float>()[0] = 1;
  ASSERT_TRUE(plan.run());
  EXPECT_FLOAT_EQ(plan.output("left alone").values<float>()[0], -13);
  EXPECT_FLOAT_EQ(plan.output("product").values<float>()[0], 1.3F * 13);
}

TEST(Learner, ALossThatIsNotFiniteUpdatesNothing) {
  for (const float target : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    Learner learner(network(), options(Adam{}));
    const StepResult result = step(learner, target);
    EXPECT_FALSE(result.finite);
    EXPECT_FALSE(result.updated);
    EXPECT_EQ(learner.steps(), 0);
    expect_near(parameters_of(learner), 0.5, -1, 0.25);
    EXPECT_TRUE(step(learner).finite) << "and one may go on";
  }
}

TEST(Learner, RefusesCallsThatMakeNoSense) {
  Learner learner(network(), options());
  EXPECT_EQ(message_of([&] { learner.prediction(); }), "there is no step yet whose predictions and losses could be told");
  EXPECT_THAT(message_of([&] { learner.loss_results(); }), HasSubstr("no step yet"));
  EXPECT_EQ(message_of([&] { learner.batch(1, 2); }), "there is no slot 2 of buffers for batches, only 0 and 1");
  EXPECT_THAT(message_of([&] { learner.batch(1, -1); }), HasSubstr("no slot -1"));
  EXPECT_THAT(message_of([&] { learner.step(1, 7); }), HasSubstr("no slot 7"));
  EXPECT_THAT(message_of([&] { learner.evaluate(1, 2); }), HasSubstr("no slot 2"));
  EXPECT_THAT(message_of([&] { learner.batch(0); }), HasSubstr("a batch of 0 rows"));
  EXPECT_EQ(message_of([&] { step(learner, 0, std::nan("")); }), "a learning rate cannot be nan times itself");
  EXPECT_EQ(parameters_of(learner).w0, Parameters{}.w0) << "nothing was updated";
  step(learner);
  EXPECT_EQ(learner.prediction().values<float>()[0], -1.25F);
}

/// Recurrent neurons in a layer that is none of the library's, as models of ONNX bring them.
struct Walker {
  static constexpr std::string_view kKind = "walker";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const {
    const Value weight = context.parameter("weight", {{1, 2, 3}, {}, 3, 2, {}});
    const Value recurrent = context.parameter("recurrent", {{1, 2, 2}, {}, 2, 2, {}});
    const Value x = emit_with("Transpose", {inputs.at(0)}, {{"perm", std::vector<std::int64_t>{1, 0, 2}}});
    return context.graph().emit("RNN", {x, weight, recurrent});
  }
};

TEST(Learner, ClipsTheGradientsOfAllRecurrentNeurons) {
  EXPECT_EQ(clip_norm_of(network(), {}), 0);
  EXPECT_EQ(clip_norm_of(Sequential{{4, 3}, Gru{.hidden = 2}}, {}), 1);
  EXPECT_EQ(clip_norm_of(Sequential{{4, 3}, Walker{}}, {}), 1);
  EXPECT_EQ(clip_norm_of(Sequential{{4, 3}, Walker{}}, 0.0), 0);
}

TEST(Learner, RefusesLengthsThatTheDataDoesNotHave) {
  for (const DType dtype : {DType::i64, DType::i32}) {
    Network padded;
    const auto x = padded.input("x", {5, 2});
    padded.output("y", padded.add(Lstm{.hidden = 1}, {x, padded.input("steps", {}, dtype)}));
    Learner learner(padded, options());
    const auto refusal = [&](std::int64_t length) {
      const Tensor lengths = Tensor::of<std::int64_t>({3}, {5, 0, length}).cast(dtype);
      learner.batch(3).inputs[1].assign(lengths);
      const std::string trained = message_of([&] { learner.step(3); });
      learner.evaluation_batch(3).inputs[1].assign(lengths);
      EXPECT_EQ(message_of([&] { learner.evaluate(3); }), trained);
      Plan& plan = learner.inference(3);
      plan.input("steps").assign(lengths);
      EXPECT_EQ(message_of([&] { plan.run(); }), trained);
      return trained;
    };
    EXPECT_EQ(refusal(9), "steps: sequence 2 (from 0) has length 9, but the data has 5 steps; expected 0 to 5");
    EXPECT_THAT(refusal(-1), HasSubstr("sequence 2 (from 0) has length -1"));
    if (dtype == DType::i64) {
      EXPECT_THAT(refusal((std::int64_t{1} << 32) + 2), HasSubstr("has length 4294967298"));
    }
    const Tensor good = Tensor::of<std::int64_t>({3}, {5, 0, 1}).cast(dtype);
    learner.batch(3).inputs[1].assign(good);
    learner.evaluation_batch(3).inputs[1].assign(good);
    EXPECT_TRUE(learner.step(3).finite);
    learner.evaluate(3);
  }
}

TEST(Learner, SaysWhichOptionMakesNoSense) {
  const auto refusal = [](const auto& change) {
    LearnerOptions given = options();
    change(given);
    return message_of([&] { Learner(network(), given); });
  };
  EXPECT_THAT(refusal([](auto& given) { given.clip_norm = -1; }), HasSubstr("clip_norm = -1 must be positive, or 0 for none"));
  EXPECT_THAT(refusal([](auto& given) { given.clip_value = std::nan(""); }), HasSubstr("clip_value = nan"));
  EXPECT_THAT(refusal([](auto& given) { given.l1 = -0.1; }), HasSubstr("l1 = -0.1 must be at least 0"));
  EXPECT_THAT(refusal([](auto& given) { given.l2 = std::numeric_limits<double>::infinity(); }), HasSubstr("l2 = inf"));
  EXPECT_THAT(refusal([](auto& given) { given.accumulate = 0; }), HasSubstr("accumulate = 0 must be at least 1"));
  EXPECT_THAT(refusal([](auto& given) { given.optimizer = Sgd{.learning_rate = HUGE_VALF}; }),
              HasSubstr("learning_rate = inf must be finite"));
  EXPECT_THAT(refusal([](auto& given) { given.groups = {{"*.bias", -1.0, {}}}; }), HasSubstr("rate_factor = -1"));
  EXPECT_THAT(refusal([](auto& given) {
                given.groups = {{"dense1.wieght", 1.0, {}}};
              }),
              HasSubstr("groups[0].pattern = \"dense1.wieght\" matches no parameter; did you mean \"dense1.weight\"?"));
  EXPECT_THAT(
      refusal([](auto& given) {
        given.groups = {{"*.weight", 1.0, {}}, {"*", 2.0, {}}, {"dense1.b*", 1.0, {}}};
      }),
      HasSubstr("groups[2].pattern = \"dense1.b*\": no parameter is left for it, since \"*\" before it takes dense1.bias; the "
                "first match counts"));
}

}  // namespace
}  // namespace neurons
