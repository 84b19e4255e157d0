#include "neurons/layers/initializers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurons/base/testing.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/run_network_testing.hpp"

namespace neurons {
namespace {

using testing::message_of;

constexpr std::int64_t kIn = 300;
constexpr std::int64_t kOut = 200;

std::vector<double> drawn(const Initializer& initializer, const Following& following = {}, const Shape& shape = {kOut, kIn}) {
  RandomStream random(1);
  const Tensor tensor = initialize(initializer, shape, shape[-1], shape[0], following, random);
  const auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}

struct Moments {
  double mean = 0;
  double variance = 0;
  double largest = 0;
};

Moments moments(const std::vector<double>& values) {
  Moments result;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) {
    result.mean += value / count;
    result.largest = std::max(result.largest, std::abs(value));
  }
  for (const double value : values) result.variance += (value - result.mean) * (value - result.mean) / count;
  return result;
}

/// Bounds of five standard deviations of the sample moments over kIn · kOut = 60,000 numbers.
void expect_moments(const std::vector<double>& values, double variance, bool uniform) {
  const Moments found = moments(values);
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(found.mean, 0, 5 * std::sqrt(variance / count));
  EXPECT_NEAR(found.variance / variance, 1, 5 * std::sqrt((uniform ? 0.8 : 2.0) / count));
  const double bound = std::sqrt(3 * variance);
  if (uniform) {
    EXPECT_LE(found.largest, bound * (1 + 1e-6));
    EXPECT_GT(found.largest, bound * 0.99);
  } else {
    EXPECT_GT(found.largest, 3 * std::sqrt(variance)) << "normal numbers have tails";
  }
}

TEST(Initializers, HaveTheVariancesOfTheirPapers) {
  expect_moments(drawn({"xavier_normal"}), 2.0 / (kIn + kOut), false);
  expect_moments(drawn({"xavier_uniform"}), 2.0 / (kIn + kOut), true);
  expect_moments(drawn({"he_normal"}), 2.0 / kIn, false);
  expect_moments(drawn({"he_uniform"}), 2.0 / kIn, true);
  expect_moments(drawn({"lecun_normal"}), 1.0 / kIn, false);
  expect_moments(drawn({"lecun_uniform"}), 1.0 / kIn, true);
  expect_moments(drawn({"torch"}), 1.0 / (3 * kIn), true);
  expect_moments(drawn({"normal", 0.25F}), 0.0625, false);
  expect_moments(drawn({"uniform", 0.5F}), 0.25 / 3, true);
}

TEST(Initializers, HeAllowsForWhatALeakyRectifierLeavesOfNegativeSums) {
  expect_moments(drawn({"he_normal"}, {"leaky_relu", 0.5}), 1.6 / kIn, false);
  expect_moments(drawn({"he_uniform"}, {"leaky_relu", 0.5}), 1.6 / kIn, true);
  expect_moments(drawn({}, {"leaky_relu", 1}), 1.0 / kIn, false);
  expect_moments(drawn({"lecun_normal"}, {"leaky_relu", 0.5}), 1.0 / kIn, false);
}

/// The mean square of what six layers of 300 neurons give for inputs whose mean square is 1.
double size_after_six_layers(const Layer& activation) {
  constexpr std::int64_t kRows = 64;
  Network network;
  auto tap = network.input("x", {kIn});
  for (int i = 0; i < 6; ++i) tap = network.add(activation, {network.add(Dense{kIn}, {tap})});
  network.output("y", tap);
  network.initialize(3);
  RandomStream random(5);
  std::vector<float> inputs(kRows * kIn);
  for (float& value : inputs) value = static_cast<float>(random.normal());
  double sum = 0;
  const auto outputs = testing::run_network(network, {{"x", testing::matrix_of({kRows, kIn}, inputs)}}).at("y");
  for (const float value : outputs) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum / static_cast<double>(outputs.size());
}

TEST(Initializers, AutomaticKeepsTheSizeOfActivations) {
  // Where theory says that it stays the same, up to chance.
  for (const Layer& activation :
       {Layer(Identity{}), Layer(Relu{}), Layer(LeakyRelu{0.5F}), Layer(LeakyRelu{1}), Layer(PRelu{}), Layer(Selu{})}) {
    EXPECT_NEAR(size_after_six_layers(activation), 1, 0.3) << activation.kind();
  }
  // Elsewhere it settles: neither gone nor overflowing.
  for (const Layer& activation : {Layer(Elu{}), Layer(Celu{}), Layer(Gelu{}), Layer(Silu{}), Layer(Mish{}), Layer(Softplus{}),
                                  Layer(HardSwish{}), Layer(Tanh{}), Layer(Softsign{}), Layer(Sigmoid{}), Layer(HardSigmoid{})}) {
    EXPECT_GT(size_after_six_layers(activation), 0.01) << activation.kind();
    EXPECT_LT(size_after_six_layers(activation), 10) << activation.kind();
  }
}

TEST(Initializers, ConstantIsConstant) {
  EXPECT_THAT(drawn({"constant", -1.5F}), ::testing::Each(-1.5));
  EXPECT_THAT(drawn({"constant"}), ::testing::Each(0.0));
}

/// The largest difference of M Mᵀ from gain² · 1, of the rows or the columns, whichever are fewer.
double distance_from_orthogonal(const std::vector<double>& values, std::size_t rows, std::size_t columns, double gain) {
  const bool by_rows = rows <= columns;
  const std::size_t vectors = by_rows ? rows : columns;
  const std::size_t length = by_rows ? columns : rows;
  const auto at = [&](std::size_t vector, std::size_t k) {
    return by_rows ? values[vector * columns + k] : values[k * columns + vector];
  };
  double worst = 0;
  for (std::size_t i = 0; i < vectors; ++i) {
    for (std::size_t j = 0; j < vectors; ++j) {
      double product = 0;
      for (std::size_t k = 0; k < length; ++k) product += at(i, k) * at(j, k);
      worst = std::max(worst, std::abs(product - (i == j ? gain * gain : 0)));
    }
  }
  return worst;
}

TEST(Initializers, OrthogonalIsOrthogonalEitherWay) {
  EXPECT_LT(distance_from_orthogonal(drawn({"orthogonal"}, {}, {20, 50}), 20, 50, 1), 1e-5);
  EXPECT_LT(distance_from_orthogonal(drawn({"orthogonal"}, {}, {50, 20}), 50, 20, 1), 1e-5);
  EXPECT_LT(distance_from_orthogonal(drawn({"orthogonal", 2}, {}, {30, 30}), 30, 30, 2), 1e-5);
  EXPECT_LT(distance_from_orthogonal(drawn({"orthogonal"}, {}, {4, 3, 5}), 4, 15, 1), 1e-5) << "a matrix [4, rest]";
  EXPECT_NE(drawn({"orthogonal"}, {}, {1, 1})[0], 0);
}

TEST(Initializers, AutomaticSuitsTheActivation) {
  for (const std::string activation :
       {"relu", "leaky_relu", "prelu", "elu", "celu", "gelu", "silu", "mish", "softplus", "hard_swish", "relu6"}) {
    EXPECT_EQ(drawn({}, {activation}), drawn({"he_normal"})) << activation;
  }
  EXPECT_EQ(drawn({}, {"selu"}), drawn({"lecun_normal"}));
  for (const std::string activation : {"identity", "tanh", "sigmoid", "softmax", "softsign", "hard_sigmoid"}) {
    EXPECT_EQ(drawn({}, {activation}), drawn({"xavier_uniform"})) << activation;
  }
}

TEST(Initializers, AutomaticLooksAtTheLayerAfter) {
  const auto weight_of = [](const std::vector<Layer>& layers) {
    Sequential network({40}, layers);
    network.initialize(9);
    return network.parameter("dense1.weight");
  };
  const auto with = [](const std::string& activation, const std::string& initializer) {
    Dense dense{30, activation};
    dense.initializer = initializer;
    return dense;
  };
  const Tensor he = weight_of({with("identity", "he_normal")});
  const Tensor xavier = weight_of({with("identity", "xavier_uniform")});
  EXPECT_EQ(weight_of({Dense{30}, Relu{}}), he);
  EXPECT_EQ(weight_of({Dense{30, "relu"}}), he);
  EXPECT_EQ(weight_of({Dense{30}, Tanh{}}), xavier);
  EXPECT_EQ(weight_of({Dense{30}}), xavier);
  EXPECT_NE(weight_of({Dense{30}, LeakyRelu{0.5F}}), he) << "its slope counts";
  EXPECT_EQ(weight_of({Dense{30, "prelu"}}), weight_of({Dense{30}, LeakyRelu{PRelu::kFirstSlope}}));
  EXPECT_EQ(weight_of({Dense{30, "tanh"}, Relu{}}), xavier) << "its own activation counts";
}

TEST(Initializers, SuggestTheNearestKind) {
  EXPECT_EQ(message_of([] { drawn({"he_norml"}); }), "unknown initializer \"he_norml\"; did you mean \"he_normal\"?");
  EXPECT_EQ(message_of([] { drawn({"xavier"}); }), "unknown initializer \"xavier\"; did you mean \"xavier_normal\"?");
  Dense dense{3};
  dense.initializer = "glorot";
  Sequential network({2}, dense);
  EXPECT_EQ(message_of([&] { network.parameter_types(); }),
            "dense1: unknown initializer \"glorot\"; known are automatic, xavier_normal, xavier_uniform, he_normal, he_uniform, "
            "lecun_normal, lecun_uniform, orthogonal, constant, normal, uniform, torch, forget_gate");
}

TEST(Initializers, RefuseValuesThatMakeNoSense) {
  EXPECT_EQ(message_of([] { drawn({"normal"}); }),
            "initializer \"normal\": value = 0 must be above 0: it is the standard deviation");
  EXPECT_EQ(message_of([] {
              drawn({"uniform", -0.5F});
            }),
            "initializer \"uniform\": value = -0.5 must be above 0: it is the half-width");
  EXPECT_EQ(message_of([] { drawn({"constant", std::nanf("")}); }), "initializer \"constant\": value = nan must be finite");
}

}  // namespace
}  // namespace neurons
