// Operands of products brought into the order in which the innermost loop reads them. Compiled once per target.

#if defined(NEURONS_KERNELS_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_PACK_INL_H_
#undef NEURONS_KERNELS_PACK_INL_H_
#else
#define NEURONS_KERNELS_PACK_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "neurons/kernels/map-inl.h"
#include "neurons/kernels/prefetch.hpp"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

constexpr std::int64_t kMaxWidth = 32;

/// Rows asked for ahead of the one that is packed: processors that do so by themselves do not look beyond a page.
constexpr std::int64_t kRowsAhead = 16;

/// `rows` rows of `count` floats to rows of `width`, the rest 0.
HWY_INLINE void pack_rows(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t count, std::int64_t width,
                          float* to) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  constexpr std::int64_t kBytes = sizeof(float);
  Fetch ahead{reinterpret_cast<const std::byte*>(from) + kRowsAhead * from_stride * kBytes, from_stride * kBytes, count * kBytes,
              false};
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* const source = from + row * from_stride;
    float* const target = to + row * width;
    fetch_row(ahead);
    for (std::int64_t column = 0; column < width; column += lanes) {
      Vector values = hn::Zero(d);
      if (column + lanes <= count) {
        values = hn::LoadU(d, source + column);
      } else if (column < count) {
        values = load_part(d, source + column, static_cast<std::size_t>(count - column));
      }
      hn::StoreU(values, d, target + column);
    }
  }
}

/// `rows` rows of `count` floats. Ascending; writes up to a vector beyond the end of each row.
HWY_INLINE void pack_slices(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t count,
                            std::int64_t to_stride, float* to) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* const source = from + row * from_stride;
    float* const target = to + row * to_stride;
    std::int64_t column = 0;
    for (; column + lanes <= count; column += lanes) hn::StoreU(hn::LoadU(d, source + column), d, target + column);
    if (column < count) {
      hn::StoreU(load_part(d, source + column, static_cast<std::size_t>(count - column)), d, target + column);
    }
  }
}

/// `count` floats, and nothing beyond them.
HWY_INLINE void pack_exactly(const float* from, std::int64_t count, float* to) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (; count >= lanes; count -= lanes, from += lanes, to += lanes) hn::StoreU(hn::LoadU(d, from), d, to);
  if (count > 0) store_part(d, load_part(d, from, static_cast<std::size_t>(count)), to, static_cast<std::size_t>(count));
}

/// `parts` runs of `count` floats each, to places `to_step` apart; reads and writes up to a vector beyond each.
HWY_INLINE void pack_wholly(const float* from, std::int64_t count, std::int64_t parts, float* to, std::int64_t to_step) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (const float* const end = from + count * parts; from != end; from += count, to += to_step) {
    hn::StoreU(hn::LoadU(d, from), d, to);
    for (std::int64_t i = lanes; i < count; i += lanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  }
}

/// Lanes block b holds four floats from address rows[4·b] + offset.
template <std::size_t... block>
HWY_INLINE Vector load_blocks(Floats d, const float* const* rows, std::int64_t offset, std::index_sequence<block...>) {
  Vector values = hn::LoadDup128(d, rows[0] + offset);
  ((values = block == 0 ? values : hn::IfThenElse(hn::FirstN(d, 4 * block), values, hn::LoadDup128(d, rows[4 * block] + offset))),
   ...);
  return values;
}

/// `count` columns of `inner` contiguous floats each to `inner` rows of `width`: to[j][c] = from[c][j]. Columns beyond `count`
/// repeat the last.
HWY_INLINE void pack_transposed(const float* from, std::int64_t column_stride, std::int64_t inner, std::int64_t count,
                                std::int64_t width, float* to) {
  constexpr std::size_t kBlocks = hn::MaxLanes(Floats()) / 4;
  const Floats d;
  const hn::Repartition<double, Floats> pairs;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const float* columns[kMaxWidth];
  for (std::int64_t c = 0; c < width; ++c) columns[c] = from + std::min(c, count - 1) * column_stride;
  const std::int64_t whole = inner / 4 * 4;
  for (std::int64_t column = 0; column < width; column += lanes) {
    for (std::int64_t j = 0; j < whole; j += 4) {
      constexpr auto kSequence = std::make_index_sequence<kBlocks>();
      const Vector row0 = load_blocks(d, columns + column, j, kSequence);
      const Vector row1 = load_blocks(d, columns + column + 1, j, kSequence);
      const Vector row2 = load_blocks(d, columns + column + 2, j, kSequence);
      const Vector row3 = load_blocks(d, columns + column + 3, j, kSequence);
      const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, row0, row1));
      const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, row2, row3));
      const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, row0, row1));
      const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, row2, row3));
      float* const target = to + j * width + column;
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, target);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, target + width);
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, target + 2 * width);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, target + 3 * width);
    }
  }
  for (std::int64_t j = whole; j < inner; ++j) {
    for (std::int64_t c = 0; c < width; ++c) to[j * width + c] = columns[c][j];
  }
}

/// Any strides: to[j][c] = from[j · inner_stride + c · column_stride], columns beyond `count` 0.
HWY_INLINE void pack_strided(const float* from, std::int64_t inner_stride, std::int64_t column_stride, std::int64_t inner,
                             std::int64_t count, std::int64_t width, float* to) {
  if (column_stride == 1) return pack_rows(from, inner_stride, inner, count, width, to);
  if (inner_stride == 1) return pack_transposed(from, column_stride, inner, count, width, to);
  for (std::int64_t j = 0; j < inner; ++j) {
    for (std::int64_t c = 0; c < width; ++c) to[j * width + c] = c < count ? from[j * inner_stride + c * column_stride] : 0.0F;
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_PACK_INL_H_
