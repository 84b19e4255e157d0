#pragma once
/// The one product under every weighted sum, its gradients and general matrix products: C = A · B + bias, B cut into panels of
/// columns.

#include <cstddef>
#include <cstdint>
#include <limits>

#include "neurons/base/thread_team.hpp"
#include "neurons/kernels/program.hpp"

namespace neurons::kernels {

/// C[rows, columns] = A[rows, inner] · B[inner, columns] + bias. Every element is one chain of multiply-adds in ascending order of
/// the inner index, whatever the tiling and the number of workers; few columns, contiguous along the inner index as A's rows are,
/// are as many chains as a vector has lanes.
struct PanelProduct {
  std::int64_t rows = 0;
  std::int64_t inner = 0;
  std::int64_t columns = 0;
  std::int64_t width = 32;  ///< columns of a panel: 16 or 32

  const float* a = nullptr;  ///< element (i, j) at a[i * a_row_stride + j * a_inner_stride]
  std::int64_t a_row_stride = 0;
  std::int64_t a_inner_stride = 1;

  /// Element (j, c) is at b[(j / b_block) * b_block_stride + (j % b_block) * b_inner_stride + c * b_column_stride] and is packed
  /// into scratch; or, where `b_in_panels`, B is there already as panels of `inner` rows of `width` floats.
  const float* b = nullptr;
  bool b_in_panels = false;
  std::int64_t b_block = std::numeric_limits<std::int64_t>::max();  ///< a multiple of 16
  std::int64_t b_block_stride = 0;
  std::int64_t b_inner_stride = 0;
  std::int64_t b_column_stride = 1;

  const float* bias = nullptr;  ///< one per column, or null

  float* c = nullptr;             ///< null: tiles exist only for the epilogue
  std::int64_t c_row_stride = 0;  ///< without C, of sums that wait from pass to pass
  bool accumulate = false;        ///< C += A · B, without a bias
  /// C in panels, as weights are: `rows` rows of `width` floats a panel, padding 0. The epilogue's space is then panels · rows ×
  /// width.
  bool c_in_panels = false;
  const Program* epilogue = nullptr;

  std::int64_t panels() const noexcept { return (columns + width - 1) / width; }
};

/// Columns of a panel, as for PanelShape.
constexpr std::int64_t panel_width(std::int64_t columns) noexcept { return columns <= 16 ? 16 : 32; }

/// Bytes of scratch that one worker needs.
std::size_t scratch_bytes(const PanelProduct& product) noexcept;
/// Computes worker.index's share. `scratch` is 64-byte aligned.
void run(const PanelProduct& product, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
