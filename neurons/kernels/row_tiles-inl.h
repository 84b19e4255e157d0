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
#include "neurons/kernels/rectifier.hpp"

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
  Rectifier rectifier;          ///< its gates from the first tile's first row on
};

/// A stride of which no multiples are kept: left alone, compilers keep a pointer for each row of a tile, most of them in memory.
HWY_INLINE std::int64_t hidden(std::int64_t stride) {
  asm("" : "+r"(stride));
  return stride;
}

/// Calls visit(row, vector, place) for a tile's vectors; returns where the next tile begins.
template <int kRows, int kVectors, int kWidth, class Pointer, class Visit>
HWY_INLINE Pointer each_vector(Pointer from, std::int64_t stride, const Visit& visit) {
  const std::int64_t step = hidden(stride);
  NEURONS_UNROLL
  for (int r = 0; r < kRows; ++r) {
    NEURONS_UNROLL
    for (int v = 0; v < kVectors; ++v) visit(r, v, from + v * kWidth);
    from += step;
  }
  return from;
}

template <int kRows, int kVectors, class D>
HWY_NOINLINE void row_tiles(const RowTiles& shared) {
  using V = hn::Vec<D>;
  constexpr int kWidth = static_cast<int>(hn::MaxLanes(D()));
  constexpr bool kMasks = kHasNarrow && kVectors == 1;
  const D d;
  const RowTiles call = shared;  // stores to C change nothing of it
  const std::int64_t columns = call.columns;
  const bool whole = columns >= kVectors * kWidth;
  const bool is_own_gate = call.rectifier.by_itself;
  const auto exists = hn::FirstN(d, static_cast<std::size_t>(std::min<std::int64_t>(columns, kWidth)));
  const float* gates = call.rectifier.gates;
  const float* a_row = call.a;
  float* c = call.c;
  V bias[kVectors];
  NEURONS_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    bias[v] = call.bias == nullptr ? hn::Zero(d) : load_columns(d, call.bias + v * kWidth, columns - v * kWidth);
  }
  for (std::int64_t tile = 0; tile < call.tiles; ++tile, a_row += kRows * call.a_stride) {
    V sum[kRows][kVectors];
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      NEURONS_UNROLL
      for (int v = 0; v < kVectors; ++v) sum[r][v] = bias[v];
    }
    RowPointers<Layout::inner_contiguous, kRows> a(a_row, call.a_stride);
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
    const auto rectify = [&](int r, int v, V gate)
                             HWY_ATTR { sum[r][v] = hn::IfThenZeroElse(hn::Le(gate, hn::Zero(d)), sum[r][v]); };
    if (is_own_gate) {
      NEURONS_UNROLL
      for (int r = 0; r < kRows; ++r) {
        NEURONS_UNROLL
        for (int v = 0; v < kVectors; ++v) rectify(r, v, sum[r][v]);
      }
    } else if (gates != nullptr && whole) {
      gates = each_vector<kRows, kVectors, kWidth>(
          gates, call.rectifier.gates_stride, [&](int r, int v, const float* from) HWY_ATTR { rectify(r, v, hn::LoadU(d, from)); });
    } else if (gates != nullptr) {
      gates = each_vector<kRows, kVectors, kWidth>(gates, call.rectifier.gates_stride,
                                                   [&](int r, int v, const float* from)
                                                       HWY_ATTR { rectify(r, v, load_columns(d, from, columns - v * kWidth)); });
    }
    if (whole) {
      c = each_vector<kRows, kVectors, kWidth>(c, call.c_stride,
                                               [&](int r, int v, float* to) HWY_ATTR { hn::StoreU(sum[r][v], d, to); });
    } else {
      c = each_vector<kRows, kVectors, kWidth>(
          c, call.c_stride, [&](int r, int v, float* to) HWY_ATTR { store_columns(d, sum[r][v], to, columns - v * kWidth); });
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
