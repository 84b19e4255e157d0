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
  std::int64_t columns = 0;     ///< columns that exist
  const float* bias = nullptr;  ///< initial value; null: 0
  bool accumulate = false;      ///< the initial value is C itself
  bool pads = false;            ///< C is as wide as the vectors: what is beyond `columns` becomes 0
  Fetch fetches[5];             ///< asked for, one row at a time, at even distances
  int fetch_count = 0;
  bool takes = false;  ///< the rows of the first of them are taken (take_tile_row) once they had time to arrive
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

/// f(0), f(1), … f(count - 1), each index a constant: arrays of vectors indexed by them are registers from the start. Left to
/// loops and pragmas, GCC unrolls after it has decided that the array lives in memory.
template <class F, std::size_t... i>
HWY_INLINE void for_each_of(const F& f, std::index_sequence<i...>) {
  (f(std::integral_constant<int, static_cast<int>(i)>()), ...);
}
template <int count, class F>
HWY_INLINE void for_each_index(const F& f) {
  for_each_of(f, std::make_index_sequence<static_cast<std::size_t>(count)>());
}
#undef NEURONS_INLINE_CLOSURE
#define NEURONS_INLINE_CLOSURE __attribute__((always_inline)) HWY_ATTR

/// The elements of A that one step needs, one from each row.
template <Layout layout, int kRows>
class RowPointers;

/// A pointer for every five rows, and two strides: [p], [p + s], [p + 2·s], [p + 3·s], [p + 4·s] are addresses that the processor
/// computes by itself. Left alone, compilers keep one offset a row, which takes more registers than there are.
template <int kRows>
class RowPointers<Layout::inner_contiguous, kRows> {
 public:
  HWY_INLINE RowPointers(const float* a, std::int64_t stride) : stride_(stride * kBytes), stride3_(stride_ * 3) {
    for_each_index<kGroups>(
        [&](auto g) NEURONS_INLINE_CLOSURE { groups_[g] = reinterpret_cast<const std::byte*>(a) + g * kGroup * stride_; });
  }
  HWY_INLINE float operator[](int row) const { return *at(row); }
  HWY_INLINE const float* at(int row) const {
    const int r = row % kGroup;
    return reinterpret_cast<const float*>(groups_[row / kGroup] + (r == 3 ? stride3_ : r * stride_));
  }
  HWY_INLINE void advance(int steps = 1) {
    for_each_index<kGroups>([&](auto g) NEURONS_INLINE_CLOSURE { groups_[g] += steps * kBytes; });
  }
  /// Makes the strides look changed, so that their multiples are not computed before the loop.
  HWY_INLINE void hide_strides() {
    if constexpr (kRows > 2) {
      std::int64_t stride = stride_;
      std::int64_t stride3 = stride3_;
      asm("" : "+r"(stride), "+r"(stride3));
      stride_ = stride;
      stride3_ = stride3;
    }
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

/// The line of a tile's row behind the first, if the row reaches it: rows have at most 32 floats.
HWY_INLINE std::int64_t second_line(const Fetch& fetch) { return (fetch.bytes - 1) & static_cast<std::int64_t>(kAlignment); }

/// fetch_row for the rows of tiles, without a loop: it stands between the steps of the innermost one.
HWY_INLINE void fetch_tile_row(Fetch& fetch) {
  const std::byte* const row = fetch.row;
  const std::byte* const second = row + second_line(fetch);
  if (fetch.to_write) {
    prefetch_to_write(row);
    prefetch_to_write(second);
  } else {
    prefetch_to_read(row);
    prefetch_to_read(second);
  }
  fetch.row += fetch.row_bytes;
}

/// Writes a byte of each line of the row that was fetched last as it is: the lines become this core's alone while it has other
/// work. prefetch_to_write does not do that for a line of which this core and others have copies (Zen 4), and each write waits for
/// them.
HWY_INLINE void take_tile_row(const Fetch& fetch) {
  volatile std::byte* const line = const_cast<std::byte*>(fetch.row - fetch.row_bytes);
  *line = *line;
  volatile std::byte* const second = line + second_line(fetch);
  *second = *second;
}

/// sum += left · right, in sum's own register: where steps follow one another, GCC puts the result in left's register instead, runs
/// out of registers, and moves sums between them and the stack.
template <class V>
HWY_INLINE void add_product(V left, V right, V& sum) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  auto raw = sum.raw;
  asm("vfmadd231ps %2, %1, %0" : "+v"(raw) : "v"(left.raw), "v"(right.raw));
  sum.raw = raw;
#else
  sum = hn::MulAdd(left, right, sum);
#endif
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
    for_each_index<kRows>([&](auto r) NEURONS_INLINE_CLOSURE {
      for_each_index<kAll>([&](auto v) NEURONS_INLINE_CLOSURE {
        sum[r][v] = load_columns(d, tile.c + r * tile.c_stride + v * kWidth, columns - v * kWidth);
      });
    });
  } else {
    for_each_index<kAll>([&](auto v) NEURONS_INLINE_CLOSURE {
      const V initial = tile.bias == nullptr ? hn::Zero(d) : load_columns(d, tile.bias + v * kWidth, columns - v * kWidth);
      for_each_index<kRows>([&](auto r) NEURONS_INLINE_CLOSURE { sum[r][v] = initial; });
    });
  }

  RowPointers<layout, kRows> a(tile.a, tile.a_stride);
  const float* HWY_RESTRICT b = tile.b;
  const std::int64_t b_step = tile.b_stride;
  const std::int64_t b_panel = tile.b_panel_stride;
  constexpr bool kMasks = kHasNarrow && kAll == 1;
  const auto exists = hn::FirstN(d, static_cast<std::size_t>(std::min<std::int64_t>(columns, kWidth)));
  const auto step = [&]() NEURONS_INLINE_CLOSURE {
    V right[kAll];
    for_each_index<kAll>([&](auto v) NEURONS_INLINE_CLOSURE {
      const float* const from = b + (v / kVectors) * b_panel + (v % kVectors) * kWidth;
      right[v] = kMasks ? hn::MaskedLoad(exists, d, from) : hn::LoadU(d, from);
    });
    a.hide_strides();
    for_each_index<kRows>([&](auto r) NEURONS_INLINE_CLOSURE {
      const V left = hn::Set(d, a[r]);
      for_each_index<kAll>([&](auto v) NEURONS_INLINE_CLOSURE { add_product(left, right[v], sum[r][v]); });
    });
    a.advance();
    b += b_step;
  };
  // Counting and moving pointers takes the multiply-adds' place: high tiles do it once in four steps.
  constexpr int kGroup = kRows * kAll >= 16 ? 4 : 1;
  for (std::int64_t first = tile.inner % kGroup; first > 0; --first) step();
  const std::int64_t groups = tile.inner / kGroup;
  const int runs = tile.fetch_count > 0 ? kRows + 1 : 0;  // of groups, between which something is asked for or taken
  const std::int64_t run_groups = std::max<std::int64_t>(1, groups / (kRows + 1));
  int run = 0;
  for (std::int64_t rest = groups; rest > 0;) {
    std::int64_t count = rest;
    if (run < runs) {
      if (tile.takes && run > 0) take_tile_row(tile.fetches[0]);
      for (int f = 0; f < tile.fetch_count && run < kRows; ++f) fetch_tile_row(tile.fetches[f]);
      if (++run < runs) count = std::min(rest, run_groups);
    }
    rest -= count;
    for (; count > 0; --count) for_each_index<kGroup>([&](auto) NEURONS_INLINE_CLOSURE { step(); });
  }

  float* c = tile.c;
  if (columns >= kAll * kWidth && (kWidth == kLanes || !tile.pads)) {  // half a vector leaves the other half to pad
    for_each_index<kRows>([&](auto r) NEURONS_INLINE_CLOSURE {
      for_each_index<kAll>([&](auto v) NEURONS_INLINE_CLOSURE { hn::StoreU(sum[r][v], d, c + r * tile.c_stride + v * kWidth); });
    });
  } else if (tile.pads) {
    for_each_index<kAll>([&](auto v) NEURONS_INLINE_CLOSURE {
      const auto own = hn::FirstN(d, static_cast<std::size_t>(std::max<std::int64_t>(0, columns - v * kWidth)));
      for_each_index<kRows>([&](auto r) NEURONS_INLINE_CLOSURE {
        store_padded(d, hn::IfThenElseZero(own, sum[r][v]), c + r * tile.c_stride + v * kWidth);
      });
    });
  } else {
    for_each_index<kRows>([&](auto r) NEURONS_INLINE_CLOSURE {
      for_each_index<kAll>([&](auto v) NEURONS_INLINE_CLOSURE {
        store_columns(d, sum[r][v], c + r * tile.c_stride + v * kWidth, columns - v * kWidth);
      });
    });
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
