#pragma once
/// How elementwise loops over a few rows are written down.

#include <initializer_list>

#include "neurons/kernels/tile.hpp"

namespace neurons::kernels {

/// Rows of floats, `stride` apart. No data: absent.
struct FloatRows {
  float* data = nullptr;
  std::ptrdiff_t stride = 0;

  explicit operator bool() const noexcept { return data != nullptr; }
  FloatRows at(std::ptrdiff_t row, std::ptrdiff_t column = 0) const noexcept {
    return {data == nullptr ? nullptr : data + row * stride + column, stride};
  }
};

/// Runs elementwise loops over the first rows and columns of their operands: inputs, then the output.
struct RowLoop {
  std::int64_t rows = 0;
  std::int64_t columns = 0;

  void operator()(TileFunction function, std::initializer_list<FloatRows> operands, const void* options = nullptr) const noexcept;
  void copy(FloatRows from, FloatRows to) const noexcept;
  void fill(float value, FloatRows to) const noexcept;
};

}  // namespace neurons::kernels
