#include "neurons/layers/dense.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <memory>
#include <numeric>

#include "neurons/graph/gradients.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/run_network_testing.hpp"

namespace neurons {
namespace {

using Matrix = std::vector<std::vector<double>>;

Matrix matrix(const Tensor& tensor) {
  Matrix result;
  const auto values = tensor.values<float>();
  const std::size_t columns = static_cast<std::size_t>(tensor.shape()[-1]);
  for (std::size_t i = 0; i < values.size(); i += columns) {
    result.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(i), values.begin() + static_cast<std::ptrdiff_t>(i + columns));
  }
  return result;
}

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  Tensor tensor(DType::f32, shape);
  RandomStream random(seed);
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.normal());
  return tensor;
}

void expect_near(std::span<const float> actual, const Matrix& expected) {
  std::size_t next = 0;
  for (const auto& row : expected) {
    for (const double value : row) {
      ASSERT_LT(next, actual.size());
      EXPECT_NEAR(actual[next], value, 1e-4 * std::max(1.0, std::abs(value))) << "element " << next;
      ++next;
    }
  }
  EXPECT_EQ(next, actual.size());
}

class DenseTest : public ::testing::TestWithParam<std::array<std::int64_t, 3>> {};
INSTANTIATE_TEST_SUITE_P(Sizes, DenseTest,
                         ::testing::Values(std::array<std::int64_t, 3>{1, 1, 1}, std::array<std::int64_t, 3>{7, 5, 3},
                                           std::array<std::int64_t, 3>{13, 31, 33}, std::array<std::int64_t, 3>{2, 100, 65}));

/// y = tanh(x Wᵀ + b) and L = Σ r · y with random r, by plain loops.
TEST_P(DenseTest, ForwardAndGradientAgreeWithPlainLoops) {
  const auto [rows, inputs, units] = GetParam();
  Sequential network({inputs}, Dense{units, "tanh"});
  network.initialize(3);
  network.set_parameter("dense1.bias", random_tensor({units}, 8));
  const Tensor x = random_tensor({rows, inputs}, 9);
  const Tensor r = random_tensor({rows, units}, 10);

  const auto xs = matrix(x);
  const auto rs = matrix(r);
  const auto ws = matrix(network.parameter("dense1.weight"));
  const auto bs = matrix(network.parameter("dense1.bias"))[0];
  Matrix y(xs.size(), std::vector<double>(ws.size()));
  Matrix weight_gradient(ws.size(), std::vector<double>(xs[0].size(), 0));
  Matrix bias_gradient(1, std::vector<double>(ws.size(), 0));
  Matrix input_gradient(xs.size(), std::vector<double>(xs[0].size(), 0));
  for (std::size_t m = 0; m < xs.size(); ++m) {
    for (std::size_t n = 0; n < ws.size(); ++n) {
      double z = bs[n];
      for (std::size_t k = 0; k < xs[m].size(); ++k) z += xs[m][k] * ws[n][k];
      y[m][n] = std::tanh(z);
      const double delta = rs[m][n] * (1 - y[m][n] * y[m][n]);
      bias_gradient[0][n] += delta;
      for (std::size_t k = 0; k < xs[m].size(); ++k) {
        weight_gradient[n][k] += delta * xs[m][k];
        input_gradient[m][k] += delta * ws[n][k];
      }
    }
  }

  Graph graph(network.table());
  network.build(graph, rows, Mode::training);
  const Value result = graph.find("y");
  const Value cotangent = graph.input("r", r.type());
  const auto slopes =
      gradients(result, std::array{graph.find("dense1.weight"), graph.find("dense1.bias"), graph.find("x")}, cotangent);
  graph.output("weight gradient", slopes[0]);
  graph.output("bias gradient", slopes[1]);
  graph.output("input gradient", slopes[2]);
  auto store = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
  Plan plan = compile(graph, store);
  plan.input("x").assign(x);
  plan.input("r").assign(r);
  plan.run();
  expect_near(plan.output("y").values<float>(), y);
  expect_near(plan.output("weight gradient").values<float>(), weight_gradient);
  expect_near(plan.output("bias gradient").values<float>(), bias_gradient);
  expect_near(plan.output("input gradient").values<float>(), input_gradient);
}

TEST(Dense, SeesEachTimeStepAlone) {
  Sequential over_time({5, 3}, Dense{4});
  Sequential at_once({3}, Dense{4});
  over_time.initialize(2);
  at_once.initialize(2);
  const Tensor x = random_tensor({2, 5, 3}, 1);
  EXPECT_EQ(testing::run_network(over_time, {{"x", x}}).at("y"),
            testing::run_network(at_once, {{"x", x.reshaped({10, 3})}}).at("y"));
  Graph graph(over_time.table());
  EXPECT_EQ(over_time.build(graph, 2, Mode::inference).back().shape(), (Shape{2, 5, 4}));
}

TEST(Dense, CarriesAnyActivationByName) {
  Sequential joined({3}, Dense{4, "softmax"});
  joined.initialize(2);
  const auto values = testing::run_network(joined, {{"x", random_tensor({1, 3}, 1)}}).at("y");
  EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0), 1, 1e-6);
  Sequential sloped({3}, Dense{4, "prelu"});
  sloped.initialize(2);
  EXPECT_EQ(sloped.parameter("dense1.slope").shape(), (Shape{4}));
}

TEST(Dense, TakesEmptyBatches) {
  Sequential network({3}, Dense{4, "relu"});
  network.initialize(2);
  EXPECT_THAT(testing::run_network(network, {{"x", Tensor(DType::f32, {0, 3})}}).at("y"), ::testing::IsEmpty());
}

}  // namespace
}  // namespace neurons
