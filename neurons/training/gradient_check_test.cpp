#include "neurons/training/gradient_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurons/base/testing.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/attention.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/dropout.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/training/losses.hpp"

namespace neurons {
namespace {

using testing::message_of;

Tensor ramp(const Shape& shape) {
  Tensor result(DType::f32, shape);
  float value = -1;
  for (float& element : result.values<float>()) element = value = value > 1 ? value - 1.93F : value + 0.37F;
  return result;
}

TEST(GradientCheck, GradientsOfARealNetworkPass) {
  Network network = Sequential{{5}, Dense{.units = 7, .activation = "tanh"}, Dropout{0.3F}, Dense{.units = 3}};
  network.initialize(1);
  const auto checks =
      check_gradients(network, CrossEntropy{}, ramp({4, 5}), Tensor::of<std::int64_t>({4}, {0, 2, 1, 2}), {.elements = 0});
  ASSERT_EQ(checks.size(), 4U);
  for (const GradientCheck& check : checks) {
    EXPECT_EQ(check.checked, check.elements) << check.parameter;
    EXPECT_LT(check.worst_error, 1e-7) << check.parameter;
    EXPECT_LT(check.direction_error, 1e-7) << check.parameter;
  }
}

/// Black pictures and biases of 0 put every rectifier on its kink, where half a slope would be seen; others are met by chance.
TEST(GradientCheck, KinksAreNoWrongGradients) {
  Network network = Sequential({1, 6, 6}, Conv2d{4, 3, Padding::same, 1, "relu"}, MaxPool2d{2}, Flatten{}, Dense{3});
  network.initialize(1);
  Tensor pictures = ramp({3, 1, 6, 6});
  std::ranges::fill(pictures.values<float>().subspan(0, 60), 0.0F);
  for (const std::uint64_t seed : {0U, 1U, 2U}) {
    const GradientCheckOptions options{.elements = 12, .seed = seed};
    for (const GradientCheck& check :
         check_gradients(network, CrossEntropy{}, pictures, Tensor::of<std::int64_t>({3}, {0, 2, 1}), options)) {
      EXPECT_LT(check.worst_error, 1e-5) << check.parameter << ", seed " << seed;
      EXPECT_LT(check.direction_error, 1e-5) << check.parameter << ", seed " << seed;
    }
  }
}

/// The same number added to all keys changes no weight of attention: the slopes are 0, the differences the losses' last places.
TEST(GradientCheck, SlopesOfNothingPass) {
  Network network = Sequential({12, 8}, MultiHeadAttention{.heads = 2}, Flatten{}, Dense{3});
  network.initialize(1);
  for (const std::uint64_t seed : {0U, 1U, 2U, 3U}) {
    const GradientCheckOptions options{.elements = 0, .seed = seed};
    for (const GradientCheck& check : check_gradients(network, MeanSquaredError{}, ramp({7, 12, 8}), ramp({7, 3}), options)) {
      EXPECT_LT(check.worst_error, 1e-5) << check.parameter << ", seed " << seed;
      EXPECT_LT(check.direction_error, 1e-5) << check.parameter << ", seed " << seed;
    }
  }
}

TEST(GradientCheck, LooksAtSomeElementsOfLargeParameters) {
  Network network = Sequential{{50}, Dense{.units = 3}};
  network.initialize(1);
  network.freeze("dense1.bias");
  const auto checks = check_gradients(network, MeanSquaredError{}, ramp({2, 50}), ramp({2, 3}), {.elements = 10});
  ASSERT_EQ(checks.size(), 1U);
  EXPECT_EQ(checks[0].checked, 10);
  EXPECT_EQ(checks[0].elements, 150);
  EXPECT_LT(checks[0].worst_error, 1e-7);
}

/// A layer that multiplies by 2, with a gradient that says 3.
struct Liar {
  static constexpr std::string_view kKind = "liar";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const {
    static const OpDef kLie = [] {
      OpDef op;
      op.name = "Lie";
      op.infer = [](const InferContext& given) { return std::vector<TensorType>{given.inputs[0]}; };
      op.reference = [](const ReferenceContext& given) {
        for (std::size_t i = 0; i < given.outputs[0].data.size(); ++i) given.outputs[0].data[i] = 2 * given.inputs[0]->data[i];
      };
      op.gradient = [](GradientContext& given) { given.set(0, given.gradient() * 3.0); };
      return op;
    }();
    return context.graph().emit(kLie, {inputs[0]}, NoOptions{});
  }
};

TEST(GradientCheck, FindsAWrongGradient) {
  Network network = Sequential{{4}, Dense{.units = 3}, Liar{}};
  network.initialize(1);
  const auto checks = check_gradients(network, MeanSquaredError{}, ramp({2, 4}), ramp({2, 3}));
  for (const GradientCheck& check : checks) {
    EXPECT_NEAR(check.worst_error, 1.0 / 3, 1e-3) << check.parameter;
    EXPECT_NEAR(check.gradient / check.difference, 1.5, 1e-3) << check.parameter;
    EXPECT_NEAR(check.direction_error, 1.0 / 3, 1e-3) << check.parameter;
  }
}

/// A layer whose gradient is NaN.
struct Lost {
  static constexpr std::string_view kKind = "lost";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext&, const std::vector<Value>& inputs) const {
    const Value zero = inputs[0] - inputs[0];
    return inputs[0] + inputs[0].graph().emit("Sqrt", {zero}) * 0.0;  // 0 · (1 / 0) behind the zero
  }
};

TEST(GradientCheck, ANumberThatIsNoneNeverPasses) {
  Network network = Sequential{{4}, Dense{.units = 3}, Lost{}};
  network.initialize(1);
  for (const GradientCheck& check : check_gradients(network, MeanSquaredError{}, ramp({2, 4}), ramp({2, 3}))) {
    EXPECT_EQ(check.worst_error, HUGE_VAL) << check.parameter;
    EXPECT_EQ(check.direction_error, HUGE_VAL) << check.parameter;
  }
}

TEST(GradientCheck, SeveralInputsAndLosses) {
  Network network;
  const auto left = network.add(Dense{.units = 3, .activation = "tanh"}, network.input("left", {2}), "shared");
  const auto right = network.share("shared", {network.input("right", {2})});
  const auto joint = network.add(Add{}, {left, right});
  network.output("kind", network.add(Dense{.units = 3}, joint));
  network.output("size", network.add(Dense{.units = 1}, joint));
  network.initialize(3);
  const Losses losses = {{"size", Huber{}, 0.5}, {"kind", CrossEntropy{}}};
  const Tensor labels = Tensor::of<std::int64_t>({4}, {0, 2, 1, 2});
  const auto checks = check_gradients(network, losses, {ramp({4, 2}), ramp({4, 2})}, {ramp({4, 1}), labels}, {.elements = 0});
  ASSERT_EQ(checks.size(), 6U);
  for (const GradientCheck& check : checks) EXPECT_LT(check.worst_error, 1e-7) << check.parameter;
  EXPECT_EQ(message_of([&] {
              check_gradients(network, losses, {ramp({4, 2})}, {ramp({4, 1}), labels});
            }),
            "gradient check: the network has 2 inputs, got 1");
  EXPECT_EQ(message_of([&] {
              check_gradients(network, losses, {ramp({4, 2}), ramp({4, 2})}, {labels});
            }),
            "gradient check: the loss has 2 targets, got 1");
}

TEST(GradientCheck, RefusesWhatDoesNotFit) {
  Network network = Sequential{{4}, Dense{.units = 3}};
  network.initialize(1);
  const Tensor labels = Tensor::of<std::int64_t>({2}, {0, 1});
  EXPECT_THAT(message_of([&] {
                check_gradients(network, CrossEntropy{}, ramp({2, 5}), labels);
              }),
              ::testing::HasSubstr("\"x\" must have shape [2, 4], got [2, 5]"));
  network.freeze("*");
  EXPECT_THAT(message_of([&] {
                check_gradients(network, CrossEntropy{}, ramp({2, 4}), labels);
              }),
              ::testing::HasSubstr("all parameters are frozen"));
}

}  // namespace
}  // namespace neurons
