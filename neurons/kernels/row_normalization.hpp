#pragma once
/// Normalisation of each row by its own mean and variance (layer normalisation) or mean square (RMS normalisation).

#include <cstdint>

#include "neurons/base/thread_team.hpp"

namespace neurons::kernels {

/// y = (x - mean) / √(variance + epsilon) · scale + bias along each row of x [rows, columns], columns ≥ 1. Not `centred`: the mean
/// counts as 0. `bias`, `mean` [rows] and `inverse` [rows] (1 / √…) may be null.
struct RowNormalization {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  float epsilon = 0;
  bool centred = true;
  const float* x = nullptr;
  const float* scale = nullptr;
  const float* bias = nullptr;
  float* y = nullptr;
  float* mean = nullptr;
  float* inverse = nullptr;
};
void normalize_rows(const RowNormalization& call, Worker worker) noexcept;

/// dx, and of each block of rows Σ dy · normal and Σ dy: partials [blocks, 2, columns], to be summed in order.
struct RowNormalizationGradient {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  float epsilon = 0;
  bool centred = true;
  const float* x = nullptr;
  const float* dy = nullptr;
  const float* scale = nullptr;
  float* dx = nullptr;
  float* partials = nullptr;
};
/// How many blocks so many rows are.
std::int64_t row_blocks(std::int64_t rows) noexcept;
void normalize_rows_gradient(const RowNormalizationGradient& call, Worker worker) noexcept;

}  // namespace neurons::kernels
