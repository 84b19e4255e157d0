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
  std::int64_t a_run_stride = 0;            ///< from one run of rows to the next, where there are several
  const float* b = nullptr;                 ///< rows of vectors
  std::int64_t b_stride = 0;                ///< from one inner index to the next
  std::int64_t b_segment_stride = 0;        ///< from one segment to the next
  float* c = nullptr;
  std::int64_t c_stride = 0;
  std::int64_t c_run_stride = 0;
  std::int64_t columns = 0;     ///< columns that exist
  const float* bias = nullptr;  ///< initial value; null: 0
  bool accumulate = false;      ///< the initial value is C itself
  bool pads = false;            ///< C is as wide as the vectors: what is beyond `columns` becomes 0
};

/// The elements of A that one step needs, of rows in several runs.
template <Layout layout, int kRunRows, int kRuns>
class RunPointers {
 public:
  HWY_INLINE RunPointers(const float* a, std::int64_t stride, std::int64_t run_stride)
      : RunPointers(a, stride, run_stride, std::make_index_sequence<kRuns>()) {}
  HWY_INLINE float operator[](int row) const { return runs_[row / kRunRows][row % kRunRows]; }
  HWY_INLINE void advance() {
    NEURONS_UNROLL
    for (int r = 0; r < kRuns; ++r) runs_[r].advance();
  }
  HWY_INLINE void hide_strides() {
    NEURONS_UNROLL
    for (int r = 0; r < kRuns; ++r) runs_[r].hide_strides();
  }

 private:
  template <std::size_t... run>
  HWY_INLINE RunPointers(const float* a, std::int64_t stride, std::int64_t run_stride, std::index_sequence<run...>)
      : runs_{RowPointers<layout, kRunRows>(a + static_cast<std::int64_t>(run) * run_stride, stride)...} {}
  RowPointers<layout, kRunRows> runs_[kRuns];
};

/// Rows of the tile are kRuns runs of kRunRows.
template <Layout layout, int kRunRows, int kVectors, int kRuns = 1, class D = Floats>
HWY_NOINLINE void tap_kernel(const TapTile& tile) {
  using V = hn::Vec<D>;
  constexpr int kRows = kRuns * kRunRows;
  constexpr int kWidth = static_cast<int>(hn::MaxLanes(D()));
  const auto c_row = [&](int row) HWY_ATTR { return tile.c + row / kRunRows * tile.c_run_stride + row % kRunRows * tile.c_stride; };
  const D d;
  const std::int64_t columns = tile.columns;
  V sum[kRows][kVectors];
  NEURONS_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    const V initial = tile.bias == nullptr ? hn::Zero(d) : load_columns(d, tile.bias + v * kWidth, columns - v * kWidth);
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) sum[r][v] = initial;
  }
  if (tile.accumulate) {
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      NEURONS_UNROLL
      for (int v = 0; v < kVectors; ++v) sum[r][v] = load_columns(d, c_row(r) + v * kWidth, columns - v * kWidth);
    }
  }
  const std::int64_t b_step = tile.b_stride;
  for (std::int64_t s = 0; s < tile.segments; ++s) {
    RunPointers<layout, kRunRows, kRuns> a(tile.a + tile.a_offsets[s], tile.a_stride, tile.a_run_stride);
    const float* HWY_RESTRICT b = tile.b + s * tile.b_segment_stride;
    for (std::int64_t step = 0; step < tile.steps; ++step) {
      V right[kVectors];
      NEURONS_UNROLL
      for (int v = 0; v < kVectors; ++v) right[v] = hn::LoadU(d, b + v * kWidth);
      a.hide_strides();
      NEURONS_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const V left = hn::Set(d, a[r]);
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
      float* const c = c_row(r) + v * kWidth;
      if (tile.pads) {
        const std::int64_t rest = columns - v * kWidth;
        const auto own = hn::FirstN(d, static_cast<std::size_t>(std::max<std::int64_t>(0, rest)));
        store_padded(d, rest >= kWidth ? sum[r][v] : hn::IfThenElseZero(own, sum[r][v]), c);
      } else {
        store_columns(d, sum[r][v], c, columns - v * kWidth);
      }
    }
  }
}

using TapKernel = void (*)(const TapTile& tile);

template <Layout layout, int kVectors, int kRuns, class D, std::size_t... r>
constexpr std::array<TapKernel, sizeof...(r)> tap_kernels(std::index_sequence<r...>) {
  return {&tap_kernel<layout, static_cast<int>(r) + 1, kVectors, kRuns, D>...};
}
/// Rows of each run at most.
template <int kVectors, int kRuns>
constexpr int kMaxRunRows = kRuns == 1 ? kMaxRows : kMaxSums / (kRuns * kVectors);
/// Kernels by rows of a run - 1.
template <Layout layout, int kVectors, int kRuns = 1, class D = Floats>
constexpr std::array<TapKernel, kMaxRunRows<kVectors, kRuns>> kTapKernels =
    tap_kernels<layout, kVectors, kRuns, D>(std::make_index_sequence<kMaxRunRows<kVectors, kRuns>>());

/// Columns that a tile computes at a time, of panels that wide.
inline std::int64_t vectors_step(std::int64_t columns) { return std::min<std::int64_t>(kTileVectors * kLanes, columns); }
/// Kernels that compute so many, by rows of a run - 1.
template <Layout layout, int kRuns = 1>
const TapKernel* tap_kernels_for([[maybe_unused]] std::int64_t columns) {
  if constexpr (kTileVectors * kLanes > 16) {  // columns are at least 16
    if (columns < kTileVectors * kLanes) return kTapKernels<layout, 1, kRuns>.data();
  }
  return kTapKernels<layout, kTileVectors, kRuns>.data();
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_TAP_KERNEL_INL_H_
