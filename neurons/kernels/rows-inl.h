// Walking along one axis with the other axes in lanes, or with the axis itself in lanes. Compiled once per target.

#if defined(NEURONS_KERNELS_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_ROWS_INL_H_
#undef NEURONS_KERNELS_ROWS_INL_H_
#else
#define NEURONS_KERNELS_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "neurons/kernels/map-inl.h"
#include "neurons/kernels/maths-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Rows of at most this many elements are processed several at a time, one a lane, through a transposed block.
constexpr std::int64_t kShortRow = 32;
constexpr std::size_t kMaxLanes = hn::MaxLanes(Floats());
/// Room for a transposed block.
using Block = float[kShortRow * kMaxLanes];

HWY_INLINE Vector load_some(Floats d, const float* data, std::size_t count) {
  return count == hn::Lanes(d) ? load(d, data) : load_part(d, data, count);
}
HWY_INLINE void store_some(Floats d, Vector values, float* data, std::size_t count) {
  if (count == hn::Lanes(d)) {
    store(d, values, data);
  } else {
    store_part(d, values, data, count);
  }
}

/// The first `count` lanes, and 0 in the others.
HWY_INLINE Vector only_some(Floats d, Vector values, std::size_t count) {
  return count == hn::Lanes(d) ? values : hn::IfThenElseZero(hn::FirstN(d, count), values);
}

/// The order in which a lane, or all lanes together, see the elements of an axis: vectors at data + step · stride.
struct Walk {
  std::int64_t steps = 0;
  std::ptrdiff_t stride = 0;
  std::size_t count = 0;       ///< lanes in use
  std::size_t last_count = 0;  ///< … in the last step
  bool along = false;          ///< the lanes are neighbours on the axis: sums and maxima are over lanes, too

  std::size_t count_at(std::int64_t step) const { return step + 1 < steps ? count : last_count; }
};
/// The axis in lanes: one contiguous row.
HWY_INLINE Walk walk_along(std::int64_t axis) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Floats()));
  const std::int64_t steps = (axis + lanes - 1) / lanes;
  return {steps, lanes, static_cast<std::size_t>(lanes), static_cast<std::size_t>(axis - (steps - 1) * lanes), true};
}
/// `count` neighbours in lanes, each with its own axis whose elements are `stride` apart.
HWY_INLINE Walk walk_across(std::int64_t axis, std::ptrdiff_t stride, std::size_t count) {
  return {axis, stride, count, count, false};
}

/// The largest element, in all lanes or per lane. NaN is passed over: it shows in what is computed with the maximum.
HWY_INLINE Vector walk_maximum(Floats d, const Walk& walk, const float* x) {
  Vector maximum = hn::Set(d, -std::numeric_limits<float>::infinity());
  for (std::int64_t step = 0; step < walk.steps; ++step) {
    const std::size_t count = walk.count_at(step);
    const Vector value = load_some(d, x + step * walk.stride, count);
    maximum = hn::Max(count == hn::Lanes(d) ? value : hn::IfThenElse(hn::FirstN(d, count), value, maximum), maximum);
  }
  return walk.along ? hn::MaxOfLanes(d, maximum) : maximum;
}

/// to[c][r] = from[r][c]. By squares of 4 × 4, the last ones overlapping those before.
HWY_INLINE void transpose_square(const float* from, std::ptrdiff_t from_stride, float* to, std::ptrdiff_t to_stride) {
  const hn::FixedTag<float, 4> d;
  const auto row0 = hn::LoadU(d, from);
  const auto row1 = hn::LoadU(d, from + from_stride);
  const auto row2 = hn::LoadU(d, from + 2 * from_stride);
  const auto row3 = hn::LoadU(d, from + 3 * from_stride);
  const auto low01 = hn::InterleaveLower(d, row0, row1);
  const auto low23 = hn::InterleaveLower(d, row2, row3);
  const auto high01 = hn::InterleaveUpper(d, row0, row1);
  const auto high23 = hn::InterleaveUpper(d, row2, row3);
  hn::StoreU(hn::ConcatLowerLower(d, low23, low01), d, to);
  hn::StoreU(hn::ConcatUpperUpper(d, low23, low01), d, to + to_stride);
  hn::StoreU(hn::ConcatLowerLower(d, high23, high01), d, to + 2 * to_stride);
  hn::StoreU(hn::ConcatUpperUpper(d, high23, high01), d, to + 3 * to_stride);
}
HWY_INLINE void transpose(std::ptrdiff_t rows, std::ptrdiff_t columns, const float* from, std::ptrdiff_t from_stride, float* to,
                          std::ptrdiff_t to_stride) {
  if (rows >= 4 && columns >= 4) {
    for (std::ptrdiff_t row = 0; row < rows; row += 4) {
      const std::ptrdiff_t r = std::min(row, rows - 4);
      for (std::ptrdiff_t column = 0; column < columns; column += 4) {
        const std::ptrdiff_t c = std::min(column, columns - 4);
        transpose_square(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride);
      }
    }
    return;
  }
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    for (std::ptrdiff_t c = 0; c < columns; ++c) to[c * to_stride + r] = from[r * from_stride + c];
  }
}

/// `count` rows of `axis` elements to block[axis][lanes], and back.
HWY_INLINE void to_block(const float* rows, std::int64_t axis, std::size_t count, float* block) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  if (count == lanes && axis == 2) {
    Vector column0, column1;
    hn::LoadInterleaved2(d, rows, column0, column1);
    hn::Store(column0, d, block);
    hn::Store(column1, d, block + lanes);
  } else if (count == lanes && axis == 3) {
    Vector column0, column1, column2;
    hn::LoadInterleaved3(d, rows, column0, column1, column2);
    hn::Store(column0, d, block);
    hn::Store(column1, d, block + lanes);
    hn::Store(column2, d, block + 2 * lanes);
  } else {
    transpose(static_cast<std::ptrdiff_t>(count), axis, rows, axis, block, static_cast<std::ptrdiff_t>(lanes));
  }
}
HWY_INLINE void from_block(const float* block, std::int64_t axis, std::size_t count, float* rows) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  if (count == lanes && axis == 2) {
    hn::StoreInterleaved2(hn::Load(d, block), hn::Load(d, block + lanes), d, rows);
  } else if (count == lanes && axis == 3) {
    hn::StoreInterleaved3(hn::Load(d, block), hn::Load(d, block + lanes), hn::Load(d, block + 2 * lanes), d, rows);
  } else {
    transpose(axis, static_cast<std::ptrdiff_t>(count), block, static_cast<std::ptrdiff_t>(lanes), rows, axis);
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_ROWS_INL_H_
