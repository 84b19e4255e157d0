#pragma once
/// How the vector loops walk a tile: row by row (as few rows as possible), every input as a pointer that moves by a fixed step.

#include <cstddef>
#include <cstdint>

#include "neurons/kernels/tile.hpp"

namespace neurons::kernels {

/// Longest part of a row that is processed at a time if an input must be gathered.
inline constexpr std::int64_t kGatherColumns = 256;

/// A tile's extents and streams after the rows that follow each other in memory were joined.
struct TileRows {
  Stream streams[kMaxStreams];
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t columns_per_pass = 0;  ///< kGatherColumns if an input is neither contiguous nor constant along a row, else columns
};
TileRows join_rows(const Tile& tile, int inputs, int outputs) noexcept;

/// What a loop reads: `data`, then data + step for the next vector, ….
struct Cursor {
  const std::byte* data;
  std::ptrdiff_t step;
};

/// Opens columns [column, column + columns) of a row of `stream`. A constant is replicated to a whole vector in `staging`,
/// scattered elements are gathered there (kGatherColumns elements of room).
Cursor open_row(const Stream& stream, std::size_t element_bytes, std::int64_t row, std::int64_t column, std::int64_t columns,
                std::size_t vector_elements, std::byte* staging) noexcept;

}  // namespace neurons::kernels
