// Convolutions of few results per position: a vector holds neighbouring terms of one sum, not results. Compiled once per target.

#if defined(NEURONS_KERNELS_DOT_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_DOT_KERNEL_INL_H_
#undef NEURONS_KERNELS_DOT_KERNEL_INL_H_
#else
#define NEURONS_KERNELS_DOT_KERNEL_INL_H_
#endif

#include <array>
#include <cstdint>
#include <utility>

#include "neurons/kernels/convolution_plan.hpp"
#include "neurons/kernels/lane_sums-inl.h"
#include "neurons/kernels/micro_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// C = bias + Σ_segments A_segment · B_segment, the columns of B each in one piece.
struct DotTile {
  std::int64_t segments = 0;
  std::int64_t steps = 0;  ///< terms of a segment, a multiple of all vectors
  const float* a = nullptr;
  const std::int64_t* a_offsets = nullptr;  ///< where each segment of A begins
  std::int64_t a_stride = 0;                ///< from one position to the next
  const float* b = nullptr;
  std::int64_t b_stride = 0;  ///< from one column to the next
  float* c = nullptr;
  std::int64_t c_stride = 0;
  const float* bias = nullptr;  ///< null: 0
};

template <int kPositions, int kColumns>
HWY_NOINLINE void dot_kernel(const DotTile& tile) {
  const Floats d;
  constexpr int kSums = kPositions * kColumns;
  constexpr int kQuads = (kSums + 3) / 4;
  Vector sum[4 * kQuads];  // those beyond kSums stay 0
  NEURONS_UNROLL
  for (int i = 0; i < 4 * kQuads; ++i) sum[i] = hn::Zero(d);
  const float* HWY_RESTRICT b = tile.b;
  const std::int64_t b_stride = tile.b_stride;
  for (std::int64_t s = 0; s < tile.segments; ++s) {
    RowPointers<Layout::inner_contiguous, kPositions> a(tile.a + tile.a_offsets[s], tile.a_stride);
    for (std::int64_t step = 0; step < tile.steps; step += kLanes) {
      Vector right[kColumns];
      NEURONS_UNROLL
      for (int column = 0; column < kColumns; ++column) right[column] = hn::LoadU(d, b + column * b_stride);
      a.hide_strides();
      NEURONS_UNROLL
      for (int p = 0; p < kPositions; ++p) {
        const Vector left = hn::LoadU(d, a.at(p));
        NEURONS_UNROLL
        for (int column = 0; column < kColumns; ++column) {
          sum[p * kColumns + column] = hn::MulAdd(left, right[column], sum[p * kColumns + column]);
        }
      }
      a.advance(kLanes);
      b += kLanes;
    }
  }
  alignas(16) float results[4 * kQuads];
  NEURONS_UNROLL
  for (int quad = 0; quad < kQuads; ++quad) hn::Store(sum_lanes(sum + 4 * quad), Quad(), results + 4 * quad);
  for (int column = 0; column < kColumns; ++column) {
    const float bias = tile.bias == nullptr ? 0.0F : tile.bias[column];
    for (int p = 0; p < kPositions; ++p) tile.c[p * tile.c_stride + column] = results[p * kColumns + column] + bias;
  }
}

using DotKernel = void (*)(const DotTile& tile);

/// Positions of a tile at most, by columns - 1: sums, B and A have room in 16 registers.
constexpr std::array<int, kMostDots> kDotPositions = {8, 5, 4, 2};

template <int kColumns, std::size_t... p>
constexpr std::array<DotKernel, sizeof...(p)> dot_kernels(std::index_sequence<p...>) {
  return {&dot_kernel<static_cast<int>(p) + 1, kColumns>...};
}
/// Kernels by positions - 1.
template <int kColumns>
constexpr auto kDotKernels = dot_kernels<kColumns>(std::make_index_sequence<kDotPositions[kColumns - 1]>());

/// A row of positions, beginning with `tile`.
template <int kColumns>
void dots_of_row(DotTile tile, std::int64_t positions) {
  constexpr std::int64_t kPositions = kDotPositions[kColumns - 1];
  const std::int64_t tiles = (positions + kPositions - 1) / kPositions;
  for (std::int64_t t = 0; t < tiles; ++t) {
    const std::int64_t count = positions * (t + 1) / tiles - positions * t / tiles;
    kDotKernels<kColumns>[static_cast<std::size_t>(count - 1)](tile);
    tile.a += count * tile.a_stride;
    tile.c += count * tile.c_stride;
  }
}
/// By columns - 1.
constexpr std::array<void (*)(DotTile tile, std::int64_t positions), kMostDots> kDotsOfRow = {&dots_of_row<1>, &dots_of_row<2>,
                                                                                              &dots_of_row<3>, &dots_of_row<4>};

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_DOT_KERNEL_INL_H_
