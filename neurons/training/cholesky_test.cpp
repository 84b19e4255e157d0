#include "neurons/training/cholesky.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "neurons/base/random.hpp"

namespace neurons {
namespace {

using Vector = std::vector<double>;

/// B·Bᵀ + I for a random B.
Vector random_positive_definite(std::size_t order) {
  RandomStream random(order);
  Vector b(order * order);
  for (double& element : b) element = random.normal();
  Vector a(order * order, 0);
  for (std::size_t i = 0; i < order; ++i) {
    for (std::size_t j = 0; j < order; ++j) {
      for (std::size_t k = 0; k < order; ++k) a[i * order + j] += b[i * order + k] * b[j * order + k];
    }
    a[i * order + i] += 1;
  }
  return a;
}

TEST(Cholesky, FactorsByHand) {
  Vector a{4, 99, 2, 10};  // what is above the diagonal is not read
  ASSERT_TRUE(cholesky(a, 2));
  EXPECT_EQ(a, (Vector{2, 99, 1, 3}));
  Vector b{8, 31};
  cholesky_solve(a, b);  // 4 x + 2 y = 8, 2 x + 10 y = 31
  EXPECT_DOUBLE_EQ(b[0], 0.5);
  EXPECT_DOUBLE_EQ(b[1], 3);
  const Vector diagonal = cholesky_inverse_diagonal(a, 2);
  EXPECT_DOUBLE_EQ(diagonal[0], 10.0 / 36);
  EXPECT_DOUBLE_EQ(diagonal[1], 4.0 / 36);
}

TEST(Cholesky, SolvesSystemsOfAnyOrder) {
  for (const std::size_t order : {1U, 2U, 7U, 8U, 9U, 16U, 33U, 70U}) {
    const Vector a = random_positive_definite(order);
    Vector factor = a;
    ASSERT_TRUE(cholesky(factor, order));
    Vector b(order, 0);
    for (std::size_t i = 0; i < order; ++i) {
      for (std::size_t j = 0; j < order; ++j) b[i] += a[i * order + j] * std::sin(static_cast<double>(j));
    }
    cholesky_solve(factor, b);
    for (std::size_t j = 0; j < order; ++j) EXPECT_NEAR(b[j], std::sin(static_cast<double>(j)), 1e-9) << order;
    const Vector diagonal = cholesky_inverse_diagonal(factor, order);
    for (std::size_t j = 0; j < order; ++j) {
      Vector unit(order, 0);
      unit[j] = 1;
      cholesky_solve(factor, unit);
      EXPECT_NEAR(diagonal[j], unit[j], 1e-9 * unit[j]) << order;
    }
  }
}

TEST(Cholesky, RefusesWhatIsNotPositiveDefinite) {
  for (const Vector& matrix : {Vector{1, 2, 2, 1}, Vector{0, 0, 0, 1}, Vector{-1, 0, 0, 1}, Vector{std::nan(""), 0, 0, 1},
                               Vector{1, 0, std::nan(""), 1}, Vector{std::numeric_limits<double>::infinity(), 0, 0, 1}}) {
    Vector spoilt = matrix;
    EXPECT_FALSE(cholesky(spoilt, 2)) << matrix[0] << " " << matrix[2];
  }
  Vector nothing;
  EXPECT_TRUE(cholesky(nothing, 0));
}

}  // namespace
}  // namespace neurons
