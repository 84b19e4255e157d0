#pragma once
/// Windows that slide over images: what convolutions and pools have in common.

#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

#include "neurons/formats/c/c_function.hpp"

namespace neurons::c {

/// The type `window` of the generated file: rows and columns, channels last.
const Snippet& window_type();

/// The initialisers of a window of `Shape`, kernels::ConvolutionShape or kernels::PoolShape. Throws Unsupported for three axes.
template <typename Shape>
std::vector<std::string> window_fields(const Shape& shape) {
  if (shape.input[0] != 1 || shape.output[0] != 1 || shape.kernel[0] != 1) {
    throw Unsupported{"has three spatial axes; plain C has two"};
  }
  const auto both = [](const char* rows, std::int64_t row_value, const char* columns, std::int64_t column_value) {
    return fmt::format(".{} = {}, .{} = {}", rows, row_value, columns, column_value);
  };
  return {both("input_rows", shape.input[1], "input_columns", shape.input[2]) + fmt::format(", .channels = {}", shape.channels),
          both("output_rows", shape.output[1], "output_columns", shape.output[2]),
          both("kernel_rows", shape.kernel[1], "kernel_columns", shape.kernel[2]),
          both("row_stride", shape.stride[1], "column_stride", shape.stride[2]),
          both("row_dilation", shape.dilation[1], "column_dilation", shape.dilation[2]),
          both("top", shape.pad[1], "left", shape.pad[2])};
}

/// "28 x 28 x 16", or "50 x 16" where there is one row alone.
std::string image_text(const std::array<std::int64_t, 3>& extents, std::int64_t channels);

}  // namespace neurons::c
