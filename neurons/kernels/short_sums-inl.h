// Sums of few products: the loop over a row's tiles is inside, so that a tile begins while the one before it ends. Compiled once
// per target.

#if defined(NEURONS_KERNELS_SHORT_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_SHORT_SUMS_INL_H_
#undef NEURONS_KERNELS_SHORT_SUMS_INL_H_
#else
#define NEURONS_KERNELS_SHORT_SUMS_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "neurons/kernels/convolution_plan.hpp"
#include "neurons/kernels/micro_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Of tiles of equal height, one after the other: C = bias + Σ_i A_i · B_i.
struct TileRun {
  const ShortSums::Place* places = nullptr;
  std::int64_t tiles = 0;
  const float* a = nullptr;
  std::int64_t a_stride = 0;  ///< from one position to the next
  const std::int64_t* offsets = nullptr;
  std::int64_t inputs = 0;
  const float* b = nullptr;
  std::int64_t b_stride = 0;  ///< from one input to the next
  float* c = nullptr;
  std::int64_t c_stride = 0;
  const float* bias = nullptr;  ///< null: 0
};

/// Sums of so few products are written out, where there are fused multiply-adds.
constexpr int kWrittenOut = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2 ? 16 : 0;
/// Heights of their tiles.
constexpr int kLeastWrittenOut = 4;
constexpr int kMostWrittenOut = 5;

/// kInputs = 0: as many as the run says.
template <int kRows, int kVectors, int kInputs>
HWY_NOINLINE void sum_tiles(const TileRun& call) {
  const TileRun run = call;  // stores to C change nothing of it
  const Floats d;
  Vector bias[kVectors];
  NEURONS_UNROLL
  for (int v = 0; v < kVectors; ++v) bias[v] = run.bias == nullptr ? hn::Zero(d) : hn::LoadU(d, run.bias + v * kLanes);
  for (const ShortSums::Place* place = run.places; place != run.places + run.tiles; ++place) {
    const float* const a = run.a + place->a;
    const float* HWY_RESTRICT b = run.b;
    Vector sum[kRows][kVectors];
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      NEURONS_UNROLL
      for (int v = 0; v < kVectors; ++v) sum[r][v] = bias[v];
    }
    const auto add = [&](std::int64_t i) HWY_ATTR {
      Vector right[kVectors];
      NEURONS_UNROLL
      for (int v = 0; v < kVectors; ++v) right[v] = hn::LoadU(d, b + v * kLanes);
      b += run.b_stride;
      const RowPointers<Layout::inner_contiguous, kRows> rows(a + run.offsets[i], run.a_stride);
      NEURONS_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const Vector left = hn::Set(d, rows[r]);
        NEURONS_UNROLL
        for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
      }
    };
    if constexpr (kInputs > 0) {
      NEURONS_UNROLL
      for (int i = 0; i < kInputs; ++i) add(i);
    } else {
      for (std::int64_t i = 0; i < run.inputs; ++i) add(i);
    }
    float* const c = run.c + place->c;
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      NEURONS_UNROLL
      for (int v = 0; v < kVectors; ++v) hn::StoreU(sum[r][v], d, c + r * run.c_stride + v * kLanes);
    }
  }
}

using SumTiles = void (*)(const TileRun& run);

/// Those written out, by inputs - 1.
template <int kRows, int kVectors, std::size_t... i>
constexpr std::array<SumTiles, sizeof...(i)> written_out(std::index_sequence<i...>) {
  return {&sum_tiles<kRows, kVectors, static_cast<int>(i) + 1>...};
}
template <int kRows, int kVectors>
constexpr auto kSumTilesWrittenOut = written_out<kRows, kVectors>(std::make_index_sequence<kWrittenOut>());

/// Those of any number of inputs, by rows - 1.
template <int kVectors, std::size_t... r>
constexpr std::array<SumTiles, sizeof...(r)> of_any_inputs(std::index_sequence<r...>) {
  return {&sum_tiles<static_cast<int>(r) + 1, kVectors, 0>...};
}
template <int kVectors>
constexpr auto kSumTiles = of_any_inputs<kVectors>(std::make_index_sequence<kMaxRows>());

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_SHORT_SUMS_INL_H_
