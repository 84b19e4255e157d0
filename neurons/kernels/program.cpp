#include "neurons/kernels/program.hpp"

#include <algorithm>
#include <cstring>

namespace neurons::kernels {
namespace {

/// Part of one outer slice.
struct Rectangle {
  std::int64_t row = 0;
  std::int64_t rows = 0;
  std::int64_t column = 0;
  std::int64_t columns = 0;
};

using Coordinates = std::array<std::int64_t, 6>;

Coordinates coordinates_of(std::int64_t slice, const Coordinates& extents) noexcept {
  Coordinates coordinates{};
  for (std::size_t axis = extents.size(); axis-- > 0 && slice > 0;) {
    coordinates[axis] = slice % extents[axis];
    slice /= extents[axis];
  }
  return coordinates;
}

std::byte* address(const External& external, const Coordinates* outer, const Rectangle& part) noexcept {
  std::ptrdiff_t offset = part.row * external.row_stride + part.column * external.column_stride;
  if (outer != nullptr) {
    for (std::size_t axis = 0; axis < outer->size(); ++axis) offset += (*outer)[axis] * external.outer_strides[axis];
  }
  return external.data + offset * static_cast<std::ptrdiff_t>(external.element_bytes);
}

Stream block_stream(std::byte* scratch, int block, std::int64_t columns) noexcept {
  return {scratch + static_cast<std::size_t>(block) * static_cast<std::size_t>(Program::kBlockElements) * 8, columns, 1};
}

/// One instruction after the other on a part of at most kBlockElements elements (any size if no scratch block is in use).
/// `held` is what Operand::Place::tile names, with its first element at that of `part`. Tile operands are float32.
void run_part(const Program& program, std::int64_t slice, const Coordinates* outer, const Rectangle& part, const Stream& held,
              std::byte* scratch, Tile& tile) noexcept {
  tile.rows = part.rows;
  tile.columns = part.columns;
  tile.elements_per_row = program.columns;
  tile.first_element = static_cast<std::uint64_t>((slice * program.rows + part.row) * program.columns + part.column);
  for (const auto& instruction : program.instructions) {
    Stream* stream = tile.streams;
    for (const auto& operand : instruction.operands) {
      const auto index = static_cast<std::size_t>(operand.index);
      if (operand.place == Operand::Place::external) {
        const External& external = program.externals[index];
        stream->data = address(external, outer, part);
        stream->row_stride = external.row_stride;
        stream->column_stride = external.column_stride;
      } else if (operand.place == Operand::Place::tile) {
        *stream = held;
      } else {
        *stream = block_stream(scratch, operand.index, part.columns);
      }
      ++stream;
    }
    tile.options = instruction.options.get();
    instruction.function(tile);
  }
}

/// The same on the whole of a small space, from the tiles that prepare() made.
void run_whole(const Program& program, const Stream& held, std::byte* scratch) noexcept {
  const bool as_prepared = held == program.whole_tile;
  const Tile* whole = program.whole.data();
  for (const auto& instruction : program.instructions) {
    const Tile& prepared = *whole++;
    if (instruction.moving.empty() || (as_prepared && !instruction.reads_scratch)) {
      instruction.function(prepared);
      continue;
    }
    Tile tile;
    tile.rows = prepared.rows;
    tile.columns = prepared.columns;
    tile.options = prepared.options;
    tile.elements_per_row = prepared.elements_per_row;
    std::memcpy(tile.streams, prepared.streams, sizeof(tile.streams));
    for (const auto& [stream, block] : instruction.moving) {
      tile.streams[stream] = block == Instruction::kTile ? held : block_stream(scratch, block, program.columns);
    }
    instruction.function(tile);
  }
}

/// Cuts a rectangle of one outer slice into parts: whole rows as long as several fit a block, else pieces of one row.
void run_rectangle(const Program& program, std::int64_t slice, const Rectangle& whole, const Stream& held,
                   std::byte* scratch) noexcept {
  if (whole.rows <= 0 || whole.columns <= 0) return;
  if (!program.whole.empty() && whole.rows == program.rows && whole.columns == program.columns) {
    return run_whole(program, held, scratch);
  }
  if (slice == 0 && whole.rows * whole.columns <= Program::kBlockElements) {
    Tile tile;
    return run_part(program, 0, nullptr, whole, held, scratch, tile);
  }
  const bool in_parts = program.blocks > 0 || program.instructions.size() > 1;
  const std::int64_t part_columns = in_parts ? std::min(whole.columns, Program::kBlockElements) : whole.columns;
  const std::int64_t part_rows = in_parts ? std::max<std::int64_t>(1, Program::kBlockElements / whole.columns) : whole.rows;
  Coordinates coordinates;
  if (slice > 0) coordinates = coordinates_of(slice, program.outer);
  const Coordinates* outer = slice > 0 ? &coordinates : nullptr;

  Tile tile;
  const std::int64_t row_end = whole.row + whole.rows;
  const std::int64_t column_end = whole.column + whole.columns;
  Rectangle part;
  for (part.row = whole.row; part.row < row_end; part.row += part_rows) {
    part.rows = std::min(part_rows, row_end - part.row);
    for (part.column = whole.column; part.column < column_end; part.column += part_columns) {
      part.columns = std::min(part_columns, column_end - part.column);
      Stream here = held;
      const std::ptrdiff_t offset = (part.row - whole.row) * held.row_stride + (part.column - whole.column) * held.column_stride;
      if (held.data != nullptr) here.data += offset * static_cast<std::ptrdiff_t>(sizeof(float));
      run_part(program, slice, outer, part, here, scratch, tile);
    }
  }
}

}  // namespace

void Program::prepare(const Stream& tile_of_whole) {
  whole.clear();
  whole_tile = tile_of_whole;
  if (outer_elements() != 1 || rows * columns > kBlockElements) return;
  for (auto& instruction : instructions) {
    Tile tile;
    tile.rows = rows;
    tile.columns = columns;
    tile.elements_per_row = columns;
    tile.options = instruction.options.get();
    instruction.moving.clear();
    instruction.reads_scratch = false;
    for (std::size_t i = 0; i < instruction.operands.size(); ++i) {
      const Operand& operand = instruction.operands[i];
      if (operand.place != Operand::Place::external) {
        const bool in_scratch = operand.place == Operand::Place::block;
        instruction.moving.push_back({static_cast<int>(i), in_scratch ? operand.index : Instruction::kTile});
        instruction.reads_scratch |= in_scratch;
        tile.streams[i] = whole_tile;
        continue;
      }
      const External& external = externals[static_cast<std::size_t>(operand.index)];
      tile.streams[i] = {external.data, external.row_stride, external.column_stride};
    }
    whole.push_back(tile);
  }
}

void Program::run(std::int64_t row, std::int64_t row_count, std::int64_t column, std::int64_t column_count, const Stream& tile,
                  std::byte* scratch) const noexcept {
  run_rectangle(*this, 0, {row, row_count, column, column_count}, tile, scratch);
}

int Program::fetches(std::int64_t row, std::int64_t column, std::int64_t column_count, std::span<Fetch> fetches) const noexcept {
  std::size_t count = 0;
  for (const External& external : externals) {
    if (external.ahead == External::Ahead::no || count == fetches.size()) continue;
    const auto element = static_cast<std::ptrdiff_t>(external.element_bytes);
    fetches[count++] = {address(external, nullptr, {row, 0, column, 0}), external.row_stride * element, column_count * element,
                        external.ahead == External::Ahead::to_write};
  }
  return static_cast<int>(count);
}

void Program::run_rows(std::int64_t begin, std::int64_t end, std::byte* scratch) const noexcept {
  while (begin < end) {
    const std::int64_t slice = begin / rows;
    const std::int64_t row = begin % rows;
    const std::int64_t count = std::min(rows - row, end - begin);
    run_rectangle(*this, slice, {row, count, 0, columns}, {}, scratch);
    begin += count;
  }
}

}  // namespace neurons::kernels
