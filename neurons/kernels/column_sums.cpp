#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/column_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/micro_kernel-inl.h"
#include "neurons/kernels/weighted_sum.hpp"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Vectors side by side: a line or two of each row, all of which is then read while it is there.
constexpr int kWide = std::min(4, 32 / kLanes);

/// kVectors vectors of columns, of which `count` columns exist. Each column is four sums, of every fourth row, added at the end:
/// four additions are under way at a time.
template <int kVectors>
HWY_INLINE void sum_some(std::int64_t rows, std::int64_t count, const float* from, std::int64_t row_stride, float* to) {
  constexpr int kSums = 4;
  constexpr std::int64_t kAhead = 16;
  const Floats d;
  Vector sum[kVectors][kSums];
  NEURONS_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    NEURONS_UNROLL
    for (int s = 0; s < kSums; ++s) sum[v][s] = hn::Zero(d);
  }
  std::int64_t row = 0;
  for (; row + kSums <= rows; row += kSums, from += kSums * row_stride) {
    NEURONS_UNROLL
    for (int s = 0; s < kSums; ++s) {
      const float* const line = from + s * row_stride;
      prefetch_to_read(reinterpret_cast<const std::byte*>(line + kAhead * row_stride));
      NEURONS_UNROLL
      for (int v = 0; v < kVectors; ++v) sum[v][s] = hn::Add(sum[v][s], load_columns(d, line + v * kLanes, count - v * kLanes));
    }
  }
  for (; row < rows; ++row, from += row_stride) {
    NEURONS_UNROLL
    for (int v = 0; v < kVectors; ++v) sum[v][0] = hn::Add(sum[v][0], load_columns(d, from + v * kLanes, count - v * kLanes));
  }
  NEURONS_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    const Vector total = hn::Add(hn::Add(sum[v][0], sum[v][1]), hn::Add(sum[v][2], sum[v][3]));
    store_columns(d, total, to + v * kLanes, count - v * kLanes);
  }
}

void sum_columns(std::int64_t rows, std::int64_t columns, const float* dz, std::int64_t row_stride, float* sums, Worker worker) {
  const WorkRange share = split_work(static_cast<std::size_t>(columns), worker, kLanes);
  const auto end = static_cast<std::int64_t>(share.end);
  auto column = static_cast<std::int64_t>(share.begin);
  for (; column + kWide * kLanes <= end; column += kWide * kLanes) {
    sum_some<kWide>(rows, kWide * kLanes, dz + column, row_stride, sums + column);
  }
  for (; column < end; column += kLanes) sum_some<1>(rows, end - column, dz + column, row_stride, sums + column);
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(sum_columns);

void column_sums(std::int64_t rows, std::int64_t columns, const float* dz, std::int64_t row_stride, float* sums,
                 Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(sum_columns)(rows, columns, dz, row_stride, sums, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
