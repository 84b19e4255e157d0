// The innermost loop of convolutions: a tile of results in registers, sums over segments of contiguous floats. Compiled once per
// target.

#if defined(NEURONS_KERNELS_TAP_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_TAP_KERNEL_INL_H_
#undef NEURONS_KERNELS_TAP_KERNEL_INL_H_
#else
#define NEURONS_KERNELS_TAP_KERNEL_INL_H_
#endif

#include <array>
#include <cstdint>
#include <utility>

#include "neurons/kernels/micro_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// C (+)= Σ_segments A_segment · B_segment.
struct TapTile {
  std::int64_t segments = 0;
  std::int64_t steps = 0;  ///< inner indices of a segment
  const float* a = nullptr;
  const std::int64_t* a_offsets = nullptr;  ///< where each segment of A begins
  std::int64_t a_stride = 0;                ///< as for MicroTile
  const float* b = nullptr;                 ///< rows of vectors
  std::int64_t b_stride = 0;                ///< from one inner index to the next
  std::int64_t b_segment_stride = 0;        ///< from one segment to the next
  float* c = nullptr;
  std::int64_t c_stride = 0;
  std::int64_t columns = 0;     ///< columns that exist
  const float* bias = nullptr;  ///< initial value; null: 0
  bool accumulate = false;      ///< the initial value is C itself
  bool pads = false;            ///< C is as wide as the vectors: what is beyond `columns` becomes 0
};

template <Layout layout, int kRows, int kVectors>
HWY_NOINLINE void tap_kernel(const TapTile& tile) {
  const Floats d;
  const std::int64_t columns = tile.columns;
  Vector sum[kRows][kVectors];
  NEURONS_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    const Vector initial = tile.bias == nullptr ? hn::Zero(d) : load_columns(d, tile.bias + v * kLanes, columns - v * kLanes);
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) sum[r][v] = initial;
  }
  if (tile.accumulate) {
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      NEURONS_UNROLL
      for (int v = 0; v < kVectors; ++v) sum[r][v] = load_columns(d, tile.c + r * tile.c_stride + v * kLanes, columns - v * kLanes);
    }
  }
  const std::int64_t b_step = tile.b_stride;
  for (std::int64_t s = 0; s < tile.segments; ++s) {
    RowPointers<layout, kRows> a(tile.a + tile.a_offsets[s], tile.a_stride);
    const float* HWY_RESTRICT b = tile.b + s * tile.b_segment_stride;
    for (std::int64_t step = 0; step < tile.steps; ++step) {
      Vector right[kVectors];
      NEURONS_UNROLL
      for (int v = 0; v < kVectors; ++v) right[v] = hn::LoadU(d, b + v * kLanes);
      a.hide_strides();
      NEURONS_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const Vector left = hn::Set(d, a[r]);
        NEURONS_UNROLL
        for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
      }
      a.advance();
      b += b_step;
    }
  }
  NEURONS_UNROLL
  for (int r = 0; r < kRows; ++r) {
    NEURONS_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      float* const c = tile.c + r * tile.c_stride + v * kLanes;
      if (tile.pads) {
        const std::int64_t rest = columns - v * kLanes;
        const auto own = hn::FirstN(d, static_cast<std::size_t>(std::max<std::int64_t>(0, rest)));
        hn::StoreU(rest >= kLanes ? sum[r][v] : hn::IfThenElseZero(own, sum[r][v]), d, c);
      } else {
        store_columns(d, sum[r][v], c, columns - v * kLanes);
      }
    }
  }
}

using TapKernel = void (*)(const TapTile& tile);

template <Layout layout, int kVectors, std::size_t... r>
constexpr std::array<TapKernel, sizeof...(r)> tap_kernels(std::index_sequence<r...>) {
  return {&tap_kernel<layout, static_cast<int>(r) + 1, kVectors>...};
}
/// Kernels by rows - 1.
template <Layout layout, int kVectors>
constexpr std::array<TapKernel, kMaxRows> kTapKernels = tap_kernels<layout, kVectors>(std::make_index_sequence<kMaxRows>());

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_TAP_KERNEL_INL_H_
