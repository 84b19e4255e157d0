#include "neurons/kernels/tile_rows.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace neurons::kernels {

TileRows walk_rows(const Tile& tile, std::size_t inputs, std::size_t scalars, std::size_t outputs) noexcept {
  TileRows walk;
  walk.rows = tile.rows;
  walk.columns = tile.columns;
  const std::span<Stream> streams(walk.streams, inputs + scalars + outputs);
  std::copy_n(tile.streams, streams.size(), streams.begin());

  const auto contiguous_column = [](const Stream& stream) { return stream.row_stride == 1; };
  if (tile.columns == 1 &&
      std::all_of(streams.begin() + static_cast<std::ptrdiff_t>(inputs + scalars), streams.end(), contiguous_column)) {
    for (auto& stream : streams) stream.column_stride = stream.row_stride;
    walk.columns = tile.rows;
    walk.rows = 1;
  }
  walk.columns_per_pass = walk.columns;
  for (const auto& stream : streams.first(inputs)) {
    if (stream.column_stride != 0 && stream.column_stride != 1) walk.columns_per_pass = std::min(walk.columns, kGatherColumns);
    walk.stages_once &= stream.column_stride == 1 || (stream.column_stride == 0 && stream.row_stride == 0);
  }
  return walk;
}

Cursor stage_row(const std::byte* first, std::ptrdiff_t column_stride, std::size_t element_bytes, std::int64_t columns,
                 std::size_t vector_elements, std::byte* staging) noexcept {
  const auto bytes = static_cast<std::ptrdiff_t>(element_bytes);
  const auto gather = [&](std::int64_t elements, auto element) {
    using Element = decltype(element);
    const auto* source = reinterpret_cast<const Element*>(first);
    auto* target = reinterpret_cast<Element*>(staging);
    for (std::int64_t i = 0; i < elements; ++i) target[i] = source[i * column_stride];
  };
  const bool constant = column_stride == 0;
  const auto elements = constant ? static_cast<std::int64_t>(vector_elements) : columns;
  if (element_bytes == sizeof(float)) {
    gather(elements, float());
  } else {
    gather(elements, std::uint8_t());
  }
  return {staging, constant ? 0 : static_cast<std::ptrdiff_t>(vector_elements) * bytes};
}

}  // namespace neurons::kernels
