#pragma once
/// What every elementwise loop sees: a rectangle of elements, one strided stream per operand.
///
/// An elementwise operation is one `TileFunction`. Chains of them run block by block as a `Program` (program.hpp), either as a step
/// of their own or as the *epilogue* of a weighted sum, on each tile of results while it is in the first-level cache. Bias,
/// activation, an activation's derivative, dropout, a residual sum, weight decay and the optimiser's update are all the same thing
/// to the kernels: a program over tiles.

#include <cstddef>
#include <cstdint>

namespace neurons::kernels {

/// One operand of a tile. Strides count elements of the operand's own type.
struct Stream {
  std::byte* data = nullptr;
  std::ptrdiff_t row_stride = 0;     ///< 0: every row reads the same elements
  std::ptrdiff_t column_stride = 1;  ///< 1: contiguous; 0: one element for the whole row (inputs only)

  bool operator==(const Stream&) const noexcept = default;
};

inline constexpr int kMaxStreams = 10;

/// A rectangle of rows × columns over which an operation runs.
struct Tile {
  Stream streams[kMaxStreams];  ///< the inputs in order, then the outputs in order
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  const void* options = nullptr;    ///< the operation's own constants (a slope, a seed, …); its type is the operation's business
  std::uint64_t first_element = 0;  ///< index, in the whole tensor, of the tile's first element (counter-based random numbers)
  std::int64_t elements_per_row = 0;  ///< distance, in that index, from one row to the next
};

/// Computes every output stream from the input streams. Outputs are contiguous in a row (column_stride 1) and may be the same
/// memory as an input of the same layout. Never reads or writes outside the rectangle.
using TileFunction = void (*)(const Tile& tile) noexcept;

/// Stream element access for plain loops: `at<float>(tile.streams[0], row, column)`.
template <typename T>
T& at(const Stream& stream, std::int64_t row, std::int64_t column) noexcept {
  return reinterpret_cast<T*>(stream.data)[row * stream.row_stride + column * stream.column_stride];
}

}  // namespace neurons::kernels
