#pragma once
/// What attention does to one tile of scores, between its products.

#include <cstddef>
#include <cstdint>

namespace neurons::kernels {

/// Products q · kᵀ of some queries with some keys.
struct ScoreTile {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  float* scores = nullptr;
  std::int64_t stride = 0;  ///< from row to row: beyond its columns, a row has room up to a whole line
  float scale = 1;
  float softcap = 0;
  /// Keys that the first row sees, and how many more each next row does. Not below 0, nor above `columns`, once clamped.
  std::int64_t visible = 0;
  std::int64_t visible_step = 0;
  const std::byte* mask = nullptr;
  bool boolean = false;
  std::int64_t mask_row_stride = 0;
  std::int64_t mask_column_stride = 0;
};

/// Scores become exp(score - maximum), 0 where a key is not seen. `maximum` and `sum` of each row, those of the tiles before, go
/// on; `rescale` says by what all that was summed up with the old maximum must be multiplied.
void soften_scores(const ScoreTile& tile, float* maximum, float* sum, float* rescale) noexcept;

/// Scores become probabilities p = exp(score - log_sum_exp), and the slopes dp of another tile of the same stride those of the
/// products: p · (dp - offset) · scale, and what the softcap makes of it.
void differentiate_scores(const ScoreTile& tile, const float* log_sum_exp, const float* offsets, float* slopes) noexcept;

/// A matrix [inner, columns], strided any way, in panels of `width` columns, as products read their right operand.
void pack_right(std::int64_t inner, std::int64_t columns, std::int64_t width, const float* from, std::int64_t row_stride,
                std::int64_t column_stride, float* panels) noexcept;

/// rows[r][c] *= factors[r]
void scale_rows(std::int64_t count, std::int64_t columns, const float* factors, float* rows, std::int64_t stride) noexcept;

/// results[r] = Σ a[r][c] · b[r][c]
void row_products(std::int64_t count, std::int64_t columns, const float* a, std::int64_t a_stride, const float* b,
                  std::int64_t b_stride, float* results) noexcept;

}  // namespace neurons::kernels
