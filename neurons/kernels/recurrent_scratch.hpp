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

/// Whether a walk of `rows` rows is long enough to put its weights in order first, where vectors are narrow (recurrent-inl.h).
inline bool orders_weights(const RecurrentShape& shape, std::int64_t rows) noexcept { return rows > 1 && shape.steps >= 8; }

/// Offsets of the parts of a forward walk's scratch, in floats: h of this step and the next first, then `states` more of the kind.
struct ForwardScratch {
  std::int64_t own, ordered, end;

  /// `orders`: vectors are narrow.
  ForwardScratch(const RecurrentShape& shape, std::int64_t rows, std::int64_t states, bool orders) noexcept
      : own(2 * rows * state_stride(shape)), ordered(own + states * rows * state_stride(shape)), end(ordered) {
    if (orders && orders_weights(shape, rows)) end += shape.gates.hidden * shape.gates.columns();
  }
  std::size_t bytes() const noexcept { return static_cast<std::size_t>(end) * sizeof(float); }
};

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
