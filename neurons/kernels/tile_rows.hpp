#pragma once
/// How the vector loops walk a tile: row by row (as few rows as possible), every input as a pointer that moves by a fixed step.

#include <cstddef>
#include <cstdint>

#include "neurons/kernels/tile.hpp"

namespace neurons::kernels {

/// Longest part of a row that is processed at a time if an input must be gathered.
inline constexpr std::int64_t kGatherColumns = 256;

/// Whether all rows follow each other in memory in each of the streams [first, end) that is not one constant.
inline bool is_one_row(const Tile& tile, std::size_t first, std::size_t end) noexcept {
  for (std::size_t s = first; s < end; ++s) {
    const Stream& stream = tile.streams[s];
    const bool contiguous = stream.column_stride == 1 && (tile.rows == 1 || stream.row_stride == tile.columns);
    const bool constant = stream.column_stride == 0 && (tile.rows == 1 || stream.row_stride == 0);
    if (!contiguous && !constant) return false;
  }
  return true;
}

/// The walk over any other tile.
struct TileRows {
  Stream streams[kMaxStreams];
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  bool stages_once = true;            ///< inputs are contiguous along rows, or one constant throughout
  std::int64_t columns_per_pass = 0;  ///< kGatherColumns if an input is neither contiguous nor constant along a row, else columns
};
/// A single column whose outputs are contiguous becomes a single row. `scalars` streams between inputs and outputs are left alone.
TileRows walk_rows(const Tile& tile, std::size_t inputs, std::size_t scalars, std::size_t outputs) noexcept;

/// What a loop reads: `data`, then data + step for the next vector, ….
struct Cursor {
  const std::byte* data;
  std::ptrdiff_t step;
};

/// Copies a constant to a whole vector in `staging`, or gathers scattered elements there (kGatherColumns elements of room).
Cursor stage_row(const std::byte* first, std::ptrdiff_t column_stride, std::size_t element_bytes, std::int64_t columns,
                 std::size_t vector_elements, std::byte* staging) noexcept;

/// Opens columns [column, column + columns) of a row of `stream`.
inline Cursor open_row(const Stream& stream, std::size_t element_bytes, std::int64_t row, std::int64_t column, std::int64_t columns,
                       std::size_t vector_elements, std::byte* staging) noexcept {
  const auto bytes = static_cast<std::ptrdiff_t>(element_bytes);
  const std::byte* first = stream.data + (row * stream.row_stride + column * stream.column_stride) * bytes;
  if (stream.column_stride == 1) return {first, static_cast<std::ptrdiff_t>(vector_elements) * bytes};
  return stage_row(first, stream.column_stride, element_bytes, columns, vector_elements, staging);
}

}  // namespace neurons::kernels
