#pragma once
/// How a panel product is blocked for the caches: a function of its sizes and strides alone.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/panel_product.hpp"
#include "neurons/kernels/rectifier.hpp"

namespace neurons::kernels {

/// Results that the epilogue sees at a time: they stay in the first-level cache.
inline constexpr std::int64_t kEpilogueFloats = 1024;

/// Columns that are computed as dot products, at most.
inline constexpr std::int64_t kFewColumns = 4;

/// Blocking of one product.
struct ProductPlan {
  std::int64_t inner_block = 0;      ///< inner indices per pass
  std::int64_t tiles_per_block = 0;  ///< row tiles that meet all panels before the next ones do
  bool packs_a = false;              ///< A goes through scratch, tile by tile
  bool packs_b = false;              ///< B goes through scratch, panel by panel
  bool packs_all_b = false;          ///< … all panels of a pass before the first product
  std::int64_t slice = 0;            ///< columns of a panel that lie together in scratch
  bool fetches = false;              ///< asks for the results' memory ahead of the stores
  bool keeps_sums = false;           ///< sums that go to no C wait in scratch from pass to pass
  bool dots = false;                 ///< few columns that lie in rows, as A's rows do: dot products, nothing is blocked or packed
  bool small = false;                ///< one narrow panel, one pass, nothing packed but B, one run of the epilogue
  bool row_tiles = false;            ///< … of contiguous rows, with nothing in C before: the kernel itself walks over tiles
  Rectifier rectifier;               ///< the whole epilogue of row tiles, if it is one
  std::int64_t a_stride = 0;         ///< of packed A: to the next row, or inner index where rows are contiguous
  std::int64_t a_tile_floats = 0;    ///< of scratch for a packed tile of A
  std::size_t a_bytes = 0;
  std::size_t b_bytes = 0;
  std::size_t c_bytes = 0;

  std::size_t scratch_bytes(const PanelProduct& product) const noexcept {
    return a_bytes + b_bytes + c_bytes + (product.epilogue == nullptr ? 0 : product.epilogue->scratch_bytes());
  }
};

/// The plan for register tiles of at most `tile_rows` rows and `tile_columns` columns; `masks`: this product's tiles read no column
/// of B that does not exist.
inline ProductPlan plan_product(const PanelProduct& product, std::int64_t tile_rows, std::int64_t tile_columns,
                                bool masks) noexcept {
  // Inner indices per pass: a panel's part is then at most 128 KB, well inside a second-level cache.
  constexpr std::int64_t kInnerBlock = 1024;
  // Part of A that meets all panels before the next part does: a quarter of a second-level cache of 1 MB.
  constexpr std::int64_t kBlockFloats = 64 * 1024;
  // A left operand from here on is packed if its rows are contiguous: tiles read a part of each of its lines, from further away
  // than the first-level cache. Narrow tiles gain by it once the operand leaves no room in a second-level cache of 1 MB for the
  // other.
  constexpr std::int64_t kLargeFloats = 128 * 1024;
  constexpr std::int64_t kLargeForNarrowTiles = 192 * 1024;
  // Addresses this far apart fall into the same few sets of a first-level cache: a tile's rows would evict one another.
  constexpr std::int64_t kConflictingFloats = 512;
  constexpr std::int64_t kLine = kAlignment / sizeof(float);
  const auto divide_up = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
  const auto float_bytes = [](std::int64_t count) { return align_up(static_cast<std::size_t>(count) * sizeof(float)); };

  // A result this small is soon in the first-level cache.
  constexpr std::int64_t kSmallResult = 512;
  // A right operand of so many floats stays in the first-level cache however it lies.
  constexpr std::int64_t kSmallOperand = 2048;

  ProductPlan plan;
  plan.dots = product.columns <= kFewColumns && product.a_inner_stride == 1 && product.b_inner_stride == 1 &&
              !product.b_in_panels && product.inner <= product.b_block && !product.c_in_panels && !product.accumulate;
  if (plan.dots) {
    if (product.c == nullptr) plan.c_bytes = float_bytes(kEpilogueFloats);
    return plan;
  }
  plan.fetches = product.rows * product.columns > kSmallResult;
  const std::int64_t panels = product.panels();
  const bool along_inner = product.a_inner_stride == 1;
  const bool conflicts = (along_inner ? product.a_row_stride : product.a_inner_stride) % kConflictingFloats == 0;
  // Where a tile reads a part of each of A's lines, and half a panel at a time, a pass has half as many: they stay in a cache. If A
  // is packed, so is each half of a panel.
  const bool reads_parts = !along_inner && tile_columns < product.width;
  const bool large = panels >= 4 && product.rows * product.inner >= (reads_parts ? kLargeForNarrowTiles : kLargeFloats);
  plan.packs_a = (conflicts && panels >= 2 && product.rows >= tile_rows) || (!along_inner && (large || product.a_row_stride != 1));
  plan.slice = reads_parts && plan.packs_a ? tile_columns : product.width;
  const std::int64_t longest = reads_parts ? kInnerBlock / 2 : kInnerBlock;
  plan.inner_block = product.inner;
  if (product.inner > longest) {
    plan.inner_block = divide_up(divide_up(product.inner, divide_up(product.inner, longest)), 32) * 32;
    plan.keeps_sums = product.c == nullptr;
  }

  // A packed tile whose rows are contiguous has a line for each inner index, if it uses most of it: nothing crosses lines. Such
  // tiles lie a line further apart than they are long: side by side, they are written in turns, and a pass of 512 indices would
  // have all of them in one set of the first-level cache.
  plan.a_stride = along_inner ? plan.inner_block + kLine : tile_rows > kLine / 2 ? kLine : tile_rows;
  plan.a_tile_floats = along_inner ? tile_rows * plan.a_stride : plan.inner_block * plan.a_stride + kLine;

  const std::int64_t tiles = divide_up(product.rows, tile_rows);
  plan.tiles_per_block = tiles;
  if ((plan.packs_a || product.b_in_panels) && product.rows * plan.inner_block > kBlockFloats) {
    plan.tiles_per_block = std::max<std::int64_t>(2, kBlockFloats / (plan.inner_block * tile_rows));
    const std::int64_t whole_lines = kLine / std::gcd(kLine, tile_rows);  // tiles that read no part of a line, if transposed
    if (!along_inner && plan.tiles_per_block > whole_lines) plan.tiles_per_block -= plan.tiles_per_block % whole_lines;
  }

  const bool whole_vectors = product.columns % product.width == 0;
  plan.small = panels == 1 && product.width <= tile_columns && plan.inner_block == product.inner && !plan.packs_a &&
               !plan.fetches && plan.tiles_per_block >= tiles && tiles * tile_rows * product.width <= kEpilogueFloats;
  plan.row_tiles = plan.small && along_inner && !product.accumulate && !product.c_in_panels;
  if (plan.row_tiles) plan.rectifier = rectifier_of(product);
  const bool b_direct = product.b_column_stride == 1 && (whole_vectors || (plan.small && masks)) &&
                        (product.b_inner_stride == product.width || product.rows <= tile_rows ||
                         (plan.small && product.inner * product.b_inner_stride <= kSmallOperand));
  plan.packs_b = !product.b_in_panels && !b_direct;
  plan.packs_all_b = plan.packs_b && plan.tiles_per_block < tiles;
  if (plan.packs_a) {
    plan.a_bytes = float_bytes(std::min(tiles, plan.tiles_per_block) * plan.a_tile_floats + kLine);
  }
  if (plan.packs_b) plan.b_bytes = float_bytes((plan.packs_all_b ? panels : 1) * plan.inner_block * product.width);
  if (product.c == nullptr) {
    plan.c_bytes = float_bytes(plan.keeps_sums ? panels * product.rows * product.width : kEpilogueFloats);
  }
  return plan;
}

}  // namespace neurons::kernels
