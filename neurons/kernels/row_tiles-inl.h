// Small products: the loop over tiles of rows is inside, so that a tile costs little beside its sums. Compiled once per target.

#if defined(NEURONS_KERNELS_ROW_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_ROW_TILES_INL_H_
#undef NEURONS_KERNELS_ROW_TILES_INL_H_
#else
#define NEURONS_KERNELS_ROW_TILES_INL_H_
#endif

#include <array>
#include <cstdint>
#include <utility>

#include "neurons/kernels/micro_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// C = A · B + bias by tiles of equal height, the rows of A contiguous. B has as many columns as the vectors, or masks leave out
/// those that do not exist.
struct RowTiles {
  std::int64_t tiles = 0;
  std::int64_t inner = 0;
  const float* a = nullptr;
  std::int64_t a_stride = 0;  ///< from one row to the next
  const float* b = nullptr;
  std::int64_t b_stride = 0;  ///< from one inner index to the next
  float* c = nullptr;
  std::int64_t c_stride = 0;
  std::int64_t columns = 0;
  const float* bias = nullptr;  ///< null: 0
};

template <int kRows, int kVectors, class D>
HWY_NOINLINE void row_tiles(const RowTiles& shared) {
  using V = hn::Vec<D>;
  constexpr int kWidth = static_cast<int>(hn::MaxLanes(D()));
  constexpr bool kMasks = kHasNarrow && kVectors == 1;
  const D d;
  const RowTiles call = shared;  // stores to C change nothing of it
  const auto exists = hn::FirstN(d, static_cast<std::size_t>(std::min<std::int64_t>(call.columns, kWidth)));
  V bias[kVectors];
  NEURONS_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    bias[v] = call.bias == nullptr ? hn::Zero(d) : load_columns(d, call.bias + v * kWidth, call.columns - v * kWidth);
  }
  for (std::int64_t tile = 0; tile < call.tiles; ++tile) {
    V sum[kRows][kVectors];
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      NEURONS_UNROLL
      for (int v = 0; v < kVectors; ++v) sum[r][v] = bias[v];
    }
    RowPointers<Layout::inner_contiguous, kRows> a(call.a + tile * kRows * call.a_stride, call.a_stride);
    const float* HWY_RESTRICT b = call.b;
    for (std::int64_t rest = call.inner; rest > 0; --rest) {
      V right[kVectors];
      NEURONS_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        right[v] = kMasks ? hn::MaskedLoad(exists, d, b + v * kWidth) : hn::LoadU(d, b + v * kWidth);
      }
      a.hide_strides();
      NEURONS_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const V left = hn::Set(d, a[r]);
        NEURONS_UNROLL
        for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
      }
      a.advance();
      b += call.b_stride;
    }
    float* const c = call.c + tile * kRows * call.c_stride;
    if (call.columns >= kVectors * kWidth) {
      NEURONS_UNROLL
      for (int r = 0; r < kRows; ++r) {
        NEURONS_UNROLL
        for (int v = 0; v < kVectors; ++v) hn::StoreU(sum[r][v], d, c + r * call.c_stride + v * kWidth);
      }
    } else {
      NEURONS_UNROLL
      for (int r = 0; r < kRows; ++r) {
        NEURONS_UNROLL
        for (int v = 0; v < kVectors; ++v) {
          store_columns(d, sum[r][v], c + r * call.c_stride + v * kWidth, call.columns - v * kWidth);
        }
      }
    }
  }
}

using RunRowTiles = void (*)(const RowTiles& call);

template <int kVectors, class D, std::size_t... r>
constexpr std::array<RunRowTiles, sizeof...(r)> row_tiles_of(std::index_sequence<r...>) {
  return {&row_tiles<static_cast<int>(r) + 1, kVectors, D>...};
}
/// By rows - 1.
template <int kVectors, class D>
constexpr std::array<RunRowTiles, kMaxRows> kRowTiles = row_tiles_of<kVectors, D>(std::make_index_sequence<kMaxRows>());

/// Of a panel of so many columns.
inline const std::array<RunRowTiles, kMaxRows>& row_tiles_for([[maybe_unused]] std::int64_t columns, bool narrow) {
  if (!narrow) return kRowTiles<kTileVectors, Floats>;
  if constexpr (kHasHalves) {
    if (columns <= kLanes / 2) return kRowTiles<1, HalfFloats>;
  }
  return kRowTiles<1, Floats>;
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_ROW_TILES_INL_H_
