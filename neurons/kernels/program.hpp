#pragma once
/// A chain of elementwise operations over one iteration space, run block by block so that what passes between operations stays in
/// the first-level cache.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "neurons/kernels/prefetch.hpp"
#include "neurons/kernels/tile.hpp"

namespace neurons::kernels {

/// Where an instruction's operand lives.
struct Operand {
  enum class Place : std::uint8_t {
    external,  ///< `Program::externals[index]`
    block,     ///< scratch block `index`, passed from one instruction to a later one
    tile,      ///< the tile handed to run(): what a weighted sum has just computed
  };
  Place place = Place::external;
  int index = 0;
};

/// A tensor outside of the program: base address and strides, in elements, over (outer…, rows, columns).
struct External {
  /// Whether its lines are worth asking for before they are needed.
  enum class Ahead : std::uint8_t { no, to_read, to_write };

  std::byte* data = nullptr;
  std::size_t element_bytes = 4;
  std::ptrdiff_t row_stride = 0;
  std::ptrdiff_t column_stride = 0;
  std::array<std::ptrdiff_t, 6> outer_strides{};  ///< for spaces of more than two dimensions
  Ahead ahead = Ahead::no;
};

struct Instruction {
  TileFunction function = nullptr;
  std::vector<Operand> operands;        ///< inputs, then outputs
  std::shared_ptr<const void> options;  ///< kept alive here, handed to the function as Tile::options

  // From Program::prepare():
  static constexpr int kTile = -1;
  struct Moving {
    int stream = 0;
    int block = kTile;
  };
  std::vector<Moving> moving = {};  ///< the operands that lie in scratch blocks or are the tile
  bool reads_scratch = false;       ///< some of them are blocks
};

/// Instructions and operands over the space outer… × rows × columns.
struct Program {
  std::vector<Instruction> instructions;
  std::vector<External> externals;
  std::array<std::int64_t, 6> outer{1, 1, 1, 1, 1, 1};
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  int blocks = 0;           ///< scratch blocks in use, numbered 0 … blocks-1
  std::vector<Tile> whole;  ///< from prepare(), where the space is small: each instruction's tile, without what lies in scratch
  Stream whole_tile;        ///< … the tile in them

  /// Elements of one scratch block; also the number of elements an instruction processes at a time.
  static constexpr std::int64_t kBlockElements = 1024;
  /// Bytes of scratch one worker needs (8 bytes an element, so any type fits).
  std::size_t scratch_bytes() const noexcept {
    return static_cast<std::size_t>(blocks) * static_cast<std::size_t>(kBlockElements) * 8;
  }
  std::int64_t outer_elements() const noexcept {
    std::int64_t product = 1;
    for (const auto extent : outer) product *= extent;
    return product;
  }

  /// Resolves once what a run over the whole space would resolve each time. Call it when all else is set; without it, runs give
  /// the same results. `tile_of_whole`: the tile that such a run will be handed, if that is known.
  void prepare(const Stream& tile_of_whole = {});

  /// Runs all instructions on rows [row, row + row_count) × columns [column, column + column_count) of outer slice 0, where `tile`
  /// (if any operand names it) holds the values of that rectangle. `scratch` has scratch_bytes(), 64-byte aligned.
  void run(std::int64_t row, std::int64_t row_count, std::int64_t column, std::int64_t column_count, const Stream& tile,
           std::byte* scratch) const noexcept;

  /// What run() will touch outside of the tile, from that row and column on. Returns how many of `fetches` were filled.
  int fetches(std::int64_t row, std::int64_t column, std::int64_t column_count, std::span<Fetch> fetches) const noexcept;

  /// Runs the part [begin, end) of the flattened outer × rows units (each unit is one row), all columns.
  void run_rows(std::int64_t begin, std::int64_t end, std::byte* scratch) const noexcept;
};

}  // namespace neurons::kernels
