#include "neurons/training/cholesky.hpp"

#include <array>
#include <cmath>

namespace neurons {
namespace {

/// Σ a·b in eight interleaved sums, which the compiler turns into vectors.
double dot_of_lanes(const double* a, const double* b, std::size_t count) {
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  for (; i < count; ++i) total += a[i] * b[i];
  return total;
}

}  // namespace

bool cholesky(std::span<double> matrix, std::size_t order) {
  for (std::size_t i = 0; i < order; ++i) {
    double* row = matrix.data() + i * order;
    for (std::size_t j = 0; j < i; ++j) {
      const double* other = matrix.data() + j * order;
      row[j] = (row[j] - dot_of_lanes(row, other, j)) / other[j];
    }
    const double pivot = row[i] - dot_of_lanes(row, row, i);
    if (!(pivot > 0) || !std::isfinite(pivot)) return false;
    row[i] = std::sqrt(pivot);
  }
  return true;
}

void cholesky_solve(std::span<const double> factor, std::span<double> b) {
  const std::size_t order = b.size();
  for (std::size_t i = 0; i < order; ++i)
    b[i] = (b[i] - dot_of_lanes(factor.data() + i * order, b.data(), i)) / factor[i * order + i];
  for (std::size_t i = order; i-- > 0;) {
    b[i] /= factor[i * order + i];
    for (std::size_t j = 0; j < i; ++j) b[j] -= factor[i * order + j] * b[i];
  }
}

std::vector<double> cholesky_inverse_diagonal(std::span<const double> factor, std::size_t order) {
  std::vector<double> diagonal(order, 0);
  std::vector<double> column(order);
  for (std::size_t c = 0; c < order; ++c) {  // L·x = e_c by forward substitution, from row c on
    for (std::size_t i = c; i < order; ++i) {
      const double right = i == c ? 1 : 0;
      column[i] = (right - dot_of_lanes(factor.data() + i * order + c, column.data() + c, i - c)) / factor[i * order + i];
      diagonal[c] += column[i] * column[i];
    }
  }
  return diagonal;
}

}  // namespace neurons
