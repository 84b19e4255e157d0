#include "neurons/kernels/tile_rows.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace neurons::kernels {
namespace {

bool is_constant(const Stream& stream) noexcept { return stream.row_stride == 0 && stream.column_stride == 0; }

}  // namespace

TileRows join_rows(const Tile& tile, int inputs, int outputs) noexcept {
  TileRows result;
  result.rows = tile.rows;
  result.columns = tile.columns;
  const std::span<Stream> streams(result.streams, static_cast<std::size_t>(inputs + outputs));
  std::copy_n(tile.streams, streams.size(), streams.begin());

  if (tile.rows > 1) {
    const auto joins = [&](const Stream& stream) {
      return is_constant(stream) || (stream.column_stride == 1 && stream.row_stride == tile.columns);
    };
    const auto contiguous_column = [](const Stream& stream) { return stream.row_stride == 1; };
    if (std::all_of(streams.begin(), streams.end(), joins)) {
      result.columns = tile.rows * tile.columns;
      result.rows = 1;
    } else if (tile.columns == 1 && std::all_of(streams.begin() + inputs, streams.end(), contiguous_column)) {
      for (auto& stream : streams) stream.column_stride = stream.row_stride;
      result.columns = tile.rows;
      result.rows = 1;
    }
  }
  result.columns_per_pass = result.columns;
  for (const auto& stream : streams.first(static_cast<std::size_t>(inputs))) {
    if (stream.column_stride != 0 && stream.column_stride != 1) result.columns_per_pass = std::min(result.columns, kGatherColumns);
  }
  return result;
}

Cursor open_row(const Stream& stream, std::size_t element_bytes, std::int64_t row, std::int64_t column, std::int64_t columns,
                std::size_t vector_elements, std::byte* staging) noexcept {
  const auto bytes = static_cast<std::ptrdiff_t>(element_bytes);
  const auto vector_bytes = static_cast<std::ptrdiff_t>(vector_elements) * bytes;
  const std::byte* first = stream.data + (row * stream.row_stride + column * stream.column_stride) * bytes;
  if (stream.column_stride == 1) return {first, vector_bytes};

  const bool constant = stream.column_stride == 0;
  const auto elements = constant ? static_cast<std::int64_t>(vector_elements) : columns;
  const auto stride = stream.column_stride * bytes;
  for (std::int64_t i = 0; i < elements; ++i) std::memcpy(staging + i * bytes, first + i * stride, element_bytes);
  return {staging, constant ? 0 : vector_bytes};
}

}  // namespace neurons::kernels
