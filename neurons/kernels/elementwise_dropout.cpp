// Inverted dropout: Philox 4x32-10 in vectors, one counter a lane, each counter serving four elements.
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/elementwise_dropout.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/tile_functions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

using Words = hn::ScalableTag<std::uint32_t>;
using WordVector = hn::Vec<Words>;

/// High and low halves of the 64-bit products of all lanes with a constant.
HWY_INLINE void multiply_wide(WordVector a, WordVector constant, WordVector& high, WordVector& low) {
  const Words d;
  const hn::Repartition<std::uint64_t, Words> wide;
  const auto even = hn::MulEven(a, constant);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))), constant);
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
}

/// What the masks of one call depend on.
struct DropoutMask {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint32_t threshold = 0;  ///< a random word below it drops the element
  float scale = 0.0F;

  /// Factors of the 4 · lanes elements from 4 · block on: `scale` where the element is kept, 0 where it is dropped.
  HWY_INLINE void factors(std::uint64_t block, float* result) const {
    const Words d;
    // The high counter word of lanes whose low word has wrapped around is one more.
    const auto low_word = static_cast<std::uint32_t>(block);
    const WordVector start = hn::Set(d, low_word);
    WordVector c0 = hn::Add(start, hn::Iota(d, 0));
    WordVector c1 = hn::Set(d, static_cast<std::uint32_t>(block >> 32));
    c1 = hn::Sub(c1, hn::VecFromMask(d, hn::Lt(c0, start)));
    WordVector c2 = hn::Set(d, static_cast<std::uint32_t>(step));
    WordVector c3 = hn::Set(d, static_cast<std::uint32_t>(step >> 32));
    auto key0 = static_cast<std::uint32_t>(seed);
    auto key1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      WordVector high0, low0, high1, low1;
      multiply_wide(c0, hn::Set(d, 0xD2511F53U), high0, low0);
      multiply_wide(c2, hn::Set(d, 0xCD9E8D57U), high1, low1);
      c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(d, key0));
      c1 = low1;
      c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(d, key1));
      c3 = low0;
      key0 += 0x9E3779B9U;
      key1 += 0xBB67AE85U;
    }
    hn::StoreInterleaved4(factor(c0), factor(c1), factor(c2), factor(c3), Floats(), result);
  }

  HWY_INLINE Vector factor(WordVector words) const {
    const Words d;
    const WordVector bits = hn::Set(d, std::bit_cast<std::uint32_t>(scale));
    return hn::BitCast(Floats(), hn::IfThenZeroElse(hn::Lt(words, hn::Set(d, threshold)), bits));
  }
};

void dropout_tile(const Tile& tile) {
  if (tile.rows <= 0 || tile.columns <= 0) return;
  const auto options = options_of<DropoutOptions>(tile);
  DropoutMask mask;
  mask.seed = options.seed;
  mask.step = static_cast<std::uint64_t>(at<std::int64_t>(tile.streams[1], 0, 0));
  mask.threshold = static_cast<std::uint32_t>(std::min(static_cast<double>(options.ratio) * 0x1p32, 0x1p32 - 1.0));
  mask.scale = options.ratio < 1.0F ? 1.0F / (1.0F - options.ratio) : 0.0F;

  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const auto span = static_cast<std::int64_t>(4 * lanes);  // elements of one call of factors()
  alignas(64) float factors[8 * hn::MaxLanes(Floats())];
  alignas(64) std::byte staging[kGatherColumns * sizeof(float)];
  // Rows that follow each other in memory and in element numbers are one row.
  const Stream& x = tile.streams[0];
  const Stream& y = tile.streams[2];
  const bool joined =
      tile.elements_per_row == tile.columns && x.row_stride == tile.columns && x.column_stride == 1 && y.row_stride == tile.columns;
  const std::int64_t rows = joined ? 1 : tile.rows;
  const std::int64_t columns = joined ? tile.rows * tile.columns : tile.columns;

  for (std::int64_t row = 0; row < rows; ++row) {
    const std::uint64_t first = tile.first_element + static_cast<std::uint64_t>(row * tile.elements_per_row);
    for (std::int64_t column = 0; column < columns;) {
      // Up to the end of the Philox blocks that one vector of counters serves.
      const std::uint64_t element = first + static_cast<std::uint64_t>(column);
      const auto offset = static_cast<std::int64_t>(element % 4);
      const auto count = static_cast<std::size_t>(std::min(span - offset, columns - column));
      mask.factors(element / 4, factors);
      const Cursor cursor = open_row(x, sizeof(float), row, column, static_cast<std::int64_t>(count), lanes, staging);
      auto* target = reinterpret_cast<float*>(y.data) + row * y.row_stride + column;
      for (std::size_t i = 0; i < count; i += lanes) {
        const auto* source = reinterpret_cast<const float*>(cursor.data + cursor.step * static_cast<std::ptrdiff_t>(i / lanes));
        const Vector keep = hn::LoadU(d, factors + offset + i);
        if (count - i >= lanes) {
          store(d, hn::Mul(load(d, source), keep), target + i);
        } else {
          store_part(d, hn::Mul(load_part(d, source, count - i), keep), target + i, count - i);
        }
      }
      column += static_cast<std::int64_t>(count);
    }
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

NEURONS_TILE_FUNCTION(dropout)

}  // namespace neurons::kernels
#endif  // HWY_ONCE
