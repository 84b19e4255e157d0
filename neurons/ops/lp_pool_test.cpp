#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/graph/gradients.hpp"
#include "neurons/ops/testing.hpp"

namespace neurons::ops::testing {
namespace {

using ::testing::ElementsAre;

/// y and the gradient of Σ y of windows of two numbers over 3, -4, 0, 0.
std::pair<std::vector<double>, std::vector<double>> results_for(std::int64_t p) {
  Graph graph(table());
  const Value x = graph.input("x", {DType::f32, {1, 1, 4}});
  const std::vector<std::int64_t> two{2};
  const Value y = emit_with("LpPool", {x}, {{"kernel_shape", two}, {"strides", two}, {"p", p}});
  const Value ones = graph.constant(Tensor::of<float>({1, 1, 2}, std::vector<float>{1, 1}));
  const Value dx = gradients(y, std::vector<Value>{x}, ones).front();
  const auto values = evaluate(graph, {{"x", {x.type(), {3, -4, 0, 0}}}});
  return {values[static_cast<std::size_t>(y.id())].data, values[static_cast<std::size_t>(dx.id())].data};
}

MATCHER_P(Near, expected, "") { return std::abs(arg - expected) <= 1e-6; }

TEST(LpPool, IsANormOfEachWindowAndFlatWhereAllIsZero) {
  const auto [sum, sum_slope] = results_for(1);
  EXPECT_THAT(sum, ElementsAre(7, 0));
  EXPECT_THAT(sum_slope, ElementsAre(1, -1, 0, 0));
  const auto [length, length_slope] = results_for(2);
  EXPECT_THAT(length, ElementsAre(5, 0));
  EXPECT_THAT(length_slope, ElementsAre(Near(0.6), Near(-0.8), 0, 0));
  const auto [cubic, cubic_slope] = results_for(3);
  const double norm = std::cbrt(27.0 + 64.0);
  EXPECT_THAT(cubic, ElementsAre(Near(norm), 0));
  EXPECT_THAT(cubic_slope, ElementsAre(Near(9 / norm / norm), Near(-16 / norm / norm), 0, 0));
}

}  // namespace
}  // namespace neurons::ops::testing
