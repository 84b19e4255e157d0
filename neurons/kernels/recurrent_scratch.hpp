#pragma once
/// Memory that a worker of a recurrent kernel needs: a function of the sizes alone.

#include "neurons/kernels/recurrent.hpp"

namespace neurons::kernels {

/// Floats between a row's end and the next row: rows of a power of two would fall into the same few sets of the cache.
inline constexpr std::int64_t kStatePadding = 16;

/// From one row of h to the next.
inline std::int64_t state_stride(const RecurrentShape& shape) noexcept { return shape.gates.padded() + kStatePadding; }

/// From one row of slopes to the next. Never a stride that makes the product pack them.
inline std::int64_t slope_stride(const RecurrentShape& shape) noexcept {
  const std::int64_t stride = shape.gates.columns() + kStatePadding;
  return stride % 512 == 0 ? stride + kStatePadding : stride;
}

/// The rows of the batch that fall to a worker.
struct RowRange {
  std::int64_t first, end;
};
inline RowRange row_range(const RecurrentShape& shape, Worker worker) noexcept {
  const WorkRange range = split_work(static_cast<std::size_t>(shape.batch), worker);
  return {static_cast<std::int64_t>(range.begin), static_cast<std::int64_t>(range.end)};
}

/// h of this step and the next, and `states` more of the kind, for all rows that one worker may get.
inline std::size_t forward_scratch_bytes(const RecurrentShape& shape, std::int64_t states) noexcept {
  return static_cast<std::size_t>((2 + states) * shape.batch * state_stride(shape)) * sizeof(float);
}

/// Offsets of the parts of a backward walk's scratch, in floats: dh first.
struct BackwardScratch {
  std::int64_t carry, slopes, own, product;

  BackwardScratch(const RecurrentShape& shape, std::int64_t rows) noexcept
      : carry(rows * state_stride(shape)), slopes(2 * carry), own(slopes + rows * slope_stride(shape)), product(own + carry) {}
};

/// dL/dh of the step before = slopes · Rᵀ.
inline PanelProduct backward_product(const RecurrentShape& shape, const float* turned, const float* slopes, float* dh,
                                     std::int64_t rows) noexcept {
  PanelProduct product;
  product.rows = rows;
  product.inner = shape.gates.columns();
  product.columns = shape.gates.hidden;
  product.width = panel_width(product.columns);
  product.a = slopes;
  product.a_row_stride = slope_stride(shape);
  product.b = turned;
  product.b_in_panels = true;
  product.c = dh;
  product.c_row_stride = state_stride(shape);
  return product;
}

inline std::size_t backward_scratch_bytes(const RecurrentShape& shape) noexcept {
  const auto floats = static_cast<std::size_t>(BackwardScratch(shape, shape.batch).product);
  return floats * sizeof(float) + scratch_bytes(backward_product(shape, nullptr, nullptr, nullptr, shape.batch));
}

}  // namespace neurons::kernels
