#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/column_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/micro_kernel-inl.h"
#include "neurons/kernels/weighted_sum.hpp"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Each column is four sums, of every fourth row, added at the end: four additions are under way at a time.
void sum_columns(std::int64_t rows, std::int64_t columns, const float* dz, std::int64_t row_stride, float* sums, Worker worker) {
  constexpr int kSums = 4;
  const Floats d;
  const WorkRange share = split_work(static_cast<std::size_t>(columns), worker, kLanes);
  const auto end = static_cast<std::int64_t>(share.end);
  for (auto column = static_cast<std::int64_t>(share.begin); column < end; column += kLanes) {
    const std::int64_t count = std::min<std::int64_t>(kLanes, end - column);
    const float* from = dz + column;
    Vector sum[kSums] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
    std::int64_t row = 0;
    for (; row + kSums <= rows; row += kSums, from += kSums * row_stride) {
      for (int s = 0; s < kSums; ++s) sum[s] = hn::Add(sum[s], load_columns(d, from + s * row_stride, count));
    }
    for (; row < rows; ++row, from += row_stride) sum[0] = hn::Add(sum[0], load_columns(d, from, count));
    store_columns(d, hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3])), sums + column, count);
  }
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
