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

/// The largest element, in all lanes or per lane.
HWY_INLINE Vector walk_maximum(Floats d, const Walk& walk, const float* x) {
  Vector maximum = hn::Set(d, -std::numeric_limits<float>::infinity());
  for (std::int64_t step = 0; step < walk.steps; ++step) {
    const std::size_t count = walk.count_at(step);
    const Vector value = load_some(d, x + step * walk.stride, count);
    const auto larger = hn::And(hn::Gt(value, maximum), hn::FirstN(d, count));
    maximum = hn::IfThenElse(larger, value, maximum);
  }
  return walk.along ? hn::MaxOfLanes(d, maximum) : maximum;
}

/// Transposes `count` rows of `axis` elements to block[axis][lanes], and back.
HWY_INLINE void to_block(const float* rows, std::int64_t axis, std::size_t count, float* block) {
  const std::size_t lanes = hn::Lanes(Floats());
  for (std::size_t r = 0; r < count; ++r) {
    for (std::int64_t c = 0; c < axis; ++c) block[static_cast<std::size_t>(c) * lanes + r] = *rows++;
  }
}
HWY_INLINE void from_block(const float* block, std::int64_t axis, std::size_t count, float* rows) {
  const std::size_t lanes = hn::Lanes(Floats());
  for (std::size_t r = 0; r < count; ++r) {
    for (std::int64_t c = 0; c < axis; ++c) *rows++ = block[static_cast<std::size_t>(c) * lanes + r];
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_ROWS_INL_H_
