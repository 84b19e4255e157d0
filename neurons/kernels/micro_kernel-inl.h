// The innermost loop: a tile of C in registers, rows of A broadcast, rows of B as vectors. Compiled once per target.

#if defined(NEURONS_KERNELS_MICRO_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_MICRO_KERNEL_INL_H_
#undef NEURONS_KERNELS_MICRO_KERNEL_INL_H_
#else
#define NEURONS_KERNELS_MICRO_KERNEL_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "neurons/kernels/map-inl.h"
#include "neurons/kernels/prefetch.hpp"

// Loops over register arrays must disappear, or the arrays go to memory.
#undef NEURONS_UNROLL
#if defined(__clang__)
#define NEURONS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define NEURONS_UNROLL _Pragma("GCC unroll 32")
#endif

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

constexpr int kLanes = static_cast<int>(hn::MaxLanes(Floats()));

// Shape of a register tile. 32 registers: 26 sums, two vectors of B, broadcasts; 16 registers: 12 sums. NEON loads are half as wide
// as its panels ask for, so its tiles are wider and lower.
#if HWY_TARGET == HWY_AVX3
constexpr int kMaxRows = 13;
constexpr int kTileVectors = 2;
constexpr int kMaxSums = 26;
#elif HWY_TARGET == HWY_NEON
constexpr int kMaxRows = 6;
constexpr int kTileVectors = 4;
constexpr int kMaxSums = 24;
#else
constexpr int kMaxRows = 6;
constexpr int kTileVectors = 2;
constexpr int kMaxSums = 12;
#endif

/// How A lies in memory.
enum class Layout {
  inner_contiguous,  ///< rows `a_stride` apart, neighbours in a row adjacent
  rows_contiguous,   ///< elements of the same inner index adjacent, the next index `a_stride` on
};

struct MicroTile {
  std::int64_t inner = 0;
  const float* a = nullptr;
  std::int64_t a_stride = 0;
  const float* b = nullptr;
  std::int64_t b_stride = 0;        ///< from one inner index to the next
  std::int64_t b_panel_stride = 0;  ///< from one panel to the next (few rows, several panels)
  float* c = nullptr;
  std::int64_t c_stride = 0;
  std::int64_t columns = 0;         ///< columns that exist
  const float* bias = nullptr;      ///< initial value; null: 0
  bool accumulate = false;          ///< the initial value is C itself
  bool pads = false;                ///< C is as wide as the vectors: what is beyond `columns` becomes 0
  const std::byte* next = nullptr;  ///< where the next tile's A begins, if it should be fetched: one line a step
  std::int64_t next_step = 0;       ///< bytes to the line of the next step
  Fetch fetches[5];                 ///< asked for, one row at a time, at even distances
  int fetch_count = 0;
  bool takes = false;  ///< the rows of the first of them are taken (take_row) once they had time to arrive
};

/// Vectors of half the width, for results of at most as many columns: a processor that splits its widest vectors does half the
/// work.
using HalfFloats = hn::CappedTag<float, (kLanes + 1) / 2>;
constexpr bool kHasHalves = HWY_TARGET == HWY_AVX3;
/// Results of at most a vector's columns have tiles of one vector, which do not read columns of B that do not exist: B need not be
/// padded.
constexpr bool kHasNarrow = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2;

template <class D>
HWY_INLINE hn::Vec<D> load_columns(D d, const float* data, std::int64_t columns) {
  if (columns >= static_cast<std::int64_t>(hn::MaxLanes(d))) return hn::LoadU(d, data);
  if (columns <= 0) return hn::Zero(d);
  if constexpr (hn::MaxLanes(D()) == hn::MaxLanes(Floats())) {
    return load_part(d, data, static_cast<std::size_t>(columns));
  } else {
    return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(columns)), d, data);
  }
}
template <class D>
HWY_INLINE void store_columns(D d, hn::Vec<D> values, float* data, std::int64_t columns) {
  if (columns >= static_cast<std::int64_t>(hn::MaxLanes(d))) {
    hn::StoreU(values, d, data);
  } else if (columns > 0) {
    if constexpr (hn::MaxLanes(D()) == hn::MaxLanes(Floats())) {
      store_part(d, values, data, static_cast<std::size_t>(columns));
    } else {
      hn::BlendedStore(values, hn::FirstN(d, static_cast<std::size_t>(columns)), d, data);
    }
  }
}

/// Writes a whole vector, half vectors with zeros behind them: what is read next is one store.
template <class D>
HWY_INLINE void store_padded(D d, hn::Vec<D> values, float* data) {
  if constexpr (hn::MaxLanes(D()) == hn::MaxLanes(Floats())) {
    hn::StoreU(values, d, data);
  } else {
    hn::StoreU(hn::ZeroExtendVector(Floats(), values), Floats(), data);
  }
}

/// The elements of A that one step needs, one from each row.
template <Layout layout, int kRows>
class RowPointers;

/// A pointer for every five rows, and two strides: [p], [p + s], [p + 2·s], [p + 3·s], [p + 4·s] are addresses that the processor
/// computes by itself. Left alone, compilers keep one offset a row, which takes more registers than there are.
template <int kRows>
class RowPointers<Layout::inner_contiguous, kRows> {
 public:
  HWY_INLINE RowPointers(const float* a, std::int64_t stride) : stride_(stride * kBytes), stride3_(stride_ * 3) {
    NEURONS_UNROLL
    for (int g = 0; g < kGroups; ++g) groups_[g] = reinterpret_cast<const std::byte*>(a) + g * kGroup * stride_;
  }
  HWY_INLINE float operator[](int row) const { return *at(row); }
  HWY_INLINE const float* at(int row) const {
    const int r = row % kGroup;
    return reinterpret_cast<const float*>(groups_[row / kGroup] + (r == 3 ? stride3_ : r * stride_));
  }
  HWY_INLINE void advance(int steps = 1) {
    NEURONS_UNROLL
    for (int g = 0; g < kGroups; ++g) groups_[g] += steps * kBytes;
  }
  /// Makes the strides look changed, so that their multiples are not computed before the loop.
  HWY_INLINE void hide_strides() {
    if constexpr (kRows > 2) asm("" : "+r"(stride_), "+r"(stride3_));
  }

 private:
  static constexpr int kGroup = 5;
  static constexpr int kGroups = (kRows + kGroup - 1) / kGroup;
  static constexpr std::int64_t kBytes = sizeof(float);
  std::int64_t stride_;
  std::int64_t stride3_;
  const std::byte* groups_[kGroups];
};

template <int kRows>
class RowPointers<Layout::rows_contiguous, kRows> {
 public:
  HWY_INLINE RowPointers(const float* a, std::int64_t stride) : a_(a), stride_(stride) {}
  HWY_INLINE float operator[](int row) const { return a_[row]; }
  HWY_INLINE void advance() { a_ += stride_; }
  HWY_INLINE void hide_strides() {}

 private:
  const float* a_;
  std::int64_t stride_;
};

/// Writes a byte of each of a row's lines as it is: the line becomes this core's alone while it has other work. prefetch_to_write
/// does not do that for a line of which this core and others have copies (Zen 4), and each write waits for them.
HWY_INLINE void take_row(const std::byte* row, std::int64_t bytes) {
  for (std::int64_t at = 0; at < bytes; at += static_cast<std::int64_t>(kAlignment)) {
    volatile std::byte* const line = const_cast<std::byte*>(row + at);
    *line = *line;
  }
}

/// kRows × (kPanels · kVectors · lanes) sums.
template <Layout layout, int kRows, int kVectors, int kPanels = 1, class D = Floats>
HWY_NOINLINE void micro_kernel(MicroTile& tile) {
  constexpr int kAll = kVectors * kPanels;
  using V = hn::Vec<D>;
  constexpr int kWidth = static_cast<int>(hn::MaxLanes(D()));
  const D d;
  const std::int64_t columns = tile.columns;
  V sum[kRows][kAll];
  if (tile.accumulate) {
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      NEURONS_UNROLL
      for (int v = 0; v < kAll; ++v) sum[r][v] = load_columns(d, tile.c + r * tile.c_stride + v * kWidth, columns - v * kWidth);
    }
  } else {
    NEURONS_UNROLL
    for (int v = 0; v < kAll; ++v) {
      const V initial = tile.bias == nullptr ? hn::Zero(d) : load_columns(d, tile.bias + v * kWidth, columns - v * kWidth);
      NEURONS_UNROLL
      for (int r = 0; r < kRows; ++r) sum[r][v] = initial;
    }
  }

  RowPointers<layout, kRows> a(tile.a, tile.a_stride);
  const float* HWY_RESTRICT b = tile.b;
  const std::int64_t b_step = tile.b_stride;
  const std::int64_t b_panel = tile.b_panel_stride;
  const std::int64_t next_step = tile.next == nullptr ? 0 : tile.next_step;
  constexpr bool kFetchesNext = kRows * kAll >= 16;  // lower tiles are cheap, and have no load to spare
  const std::byte* next = tile.next == nullptr ? reinterpret_cast<const std::byte*>(tile.b) : tile.next;
  constexpr bool kMasks = kHasNarrow && kAll == 1;
  const auto exists = hn::FirstN(d, static_cast<std::size_t>(std::min<std::int64_t>(columns, kWidth)));
  const int runs = tile.fetch_count > 0 ? kRows + 1 : 0;  // of steps, between which something is asked for or taken
  const std::int64_t run_steps = std::max<std::int64_t>(1, tile.inner / (kRows + 1));
  int run = 0;
  for (std::int64_t rest = tile.inner; rest > 0;) {
    std::int64_t steps = rest;
    if (run < runs) {
      if (tile.takes && run > 0) take_row(tile.fetches[0].row - tile.fetches[0].row_bytes, tile.fetches[0].bytes);
      for (int f = 0; f < tile.fetch_count && run < kRows; ++f) fetch_row(tile.fetches[f]);
      if (++run < runs) steps = std::min(rest, run_steps);
    }
    rest -= steps;
    for (; steps > 0; --steps) {
      V right[kAll];
      NEURONS_UNROLL
      for (int v = 0; v < kAll; ++v) {
        const float* const from = b + (v / kVectors) * b_panel + (v % kVectors) * kWidth;
        right[v] = kMasks ? hn::MaskedLoad(exists, d, from) : hn::LoadU(d, from);
      }
      a.hide_strides();
      NEURONS_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const V left = hn::Set(d, a[r]);
        NEURONS_UNROLL
        for (int v = 0; v < kAll; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
      }
      a.advance();
      b += b_step;
      if constexpr (kFetchesNext) {
        prefetch_to_read(next);
        next += next_step;
      }
    }
  }

  float* c = tile.c;
  if (columns >= kAll * kWidth) {
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      NEURONS_UNROLL
      for (int v = 0; v < kAll; ++v) hn::StoreU(sum[r][v], d, c + r * tile.c_stride + v * kWidth);
    }
  } else if (tile.pads) {
    NEURONS_UNROLL
    for (int v = 0; v < kAll; ++v) {
      const auto own = hn::FirstN(d, static_cast<std::size_t>(std::max<std::int64_t>(0, columns - v * kWidth)));
      NEURONS_UNROLL
      for (int r = 0; r < kRows; ++r) store_padded(d, hn::IfThenElseZero(own, sum[r][v]), c + r * tile.c_stride + v * kWidth);
    }
  } else {
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      NEURONS_UNROLL
      for (int v = 0; v < kAll; ++v) store_columns(d, sum[r][v], c + r * tile.c_stride + v * kWidth, columns - v * kWidth);
    }
  }
}

using MicroKernel = void (*)(MicroTile& tile);

template <Layout layout, int kVectors, class D, std::size_t... r>
constexpr std::array<MicroKernel, sizeof...(r)> micro_kernels(std::index_sequence<r...>) {
  return {&micro_kernel<layout, static_cast<int>(r) + 1, kVectors, 1, D>...};
}
/// Kernels by rows - 1.
template <Layout layout, int kVectors, class D = Floats>
constexpr std::array<MicroKernel, kMaxRows> kMicroKernels =
    micro_kernels<layout, kVectors, D>(std::make_index_sequence<kMaxRows>());

/// At most this many rows are computed several panels at a time: a single panel would have too few independent sums to hide the
/// multiply-add's latency.
constexpr int kFewRows = 4;
template <int kRows>
constexpr int few_rows_panels() {
  constexpr int kPanelVectors = 32 / kLanes;
  int panels = 4;
  while (panels > 0 && panels * kPanelVectors * kRows > kMaxSums) panels /= 2;
  return panels;
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_MICRO_KERNEL_INL_H_
