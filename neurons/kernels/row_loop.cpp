#include "neurons/kernels/row_loop.hpp"

#include <algorithm>

namespace neurons::kernels {

void RowLoop::operator()(TileFunction function, std::initializer_list<FloatRows> operands, const void* options) const noexcept {
  Tile tile;
  Stream* stream = tile.streams;
  for (const FloatRows& operand : operands) *stream++ = {reinterpret_cast<std::byte*>(operand.data), operand.stride, 1};
  tile.rows = rows;
  tile.columns = columns;
  tile.elements_per_row = columns;
  tile.options = options;
  function(tile);
}

void RowLoop::copy(FloatRows from, FloatRows to) const noexcept {
  for (std::int64_t row = 0; row < rows; ++row) std::copy_n(from.at(row).data, columns, to.at(row).data);
}

void RowLoop::fill(float value, FloatRows to) const noexcept {
  for (std::int64_t row = 0; row < rows; ++row) std::fill_n(to.at(row).data, columns, value);
}

}  // namespace neurons::kernels
