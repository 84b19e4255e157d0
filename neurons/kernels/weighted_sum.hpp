#pragma once
/// The one loop that every neuron is made of: sums of inputs times weights, and their two gradients.
///
///   forward          Y[M, N]  = X[M, K] · W + bias             then an epilogue on each tile of Y
///   input gradient   dX[M, K] = dZ[M, N] · Wᵀ                  then an epilogue on each tile of dX
///   weight gradient  dW       = Xᵀ[K, M] · dZ[M, N]            then an epilogue on each tile of dW (the optimiser's update)
///
/// Weights live in *panels* of output neurons: panel p holds the columns [p·width, (p+1)·width) as K rows of `width` floats, the
/// last panel padded with zeros. Neurons of few outputs have panels of one column: the weights of each output lie in a row, as
/// their inputs do, and sums are dot products of the two. Each sum runs over its terms in one fixed order that depends on the sizes
/// alone, so results are bit-identical for any number of workers. Every call computes one worker's share.

#include <cstddef>
#include <cstdint>

#include "neurons/base/thread_team.hpp"
#include "neurons/kernels/program.hpp"

namespace neurons::kernels {

/// Outputs of a weighted sum whose weights lie by output.
inline constexpr std::int64_t kFewOutputs = 4;

/// Shape of weights [K inputs, N outputs] in panels.
struct PanelShape {
  std::int64_t inputs = 0;   ///< K
  std::int64_t outputs = 0;  ///< N
  bool by_output = false;    ///< panels of one column: nothing is padding; for at most kFewOutputs outputs

  /// Columns of a panel: 32, or 16 where there are at most 16 outputs, or 1.
  std::int64_t width() const noexcept { return by_output ? 1 : outputs <= 16 ? 16 : 32; }
  std::int64_t panels() const noexcept { return (outputs + width() - 1) / width(); }
  /// Floats of the packed form, padding included.
  std::int64_t elements() const noexcept { return panels() * inputs * width(); }
  /// The packed form seen as a matrix.
  std::int64_t matrix_rows() const noexcept { return by_output ? outputs : panels() * inputs; }
  std::int64_t matrix_columns() const noexcept { return by_output ? inputs : width(); }
};
/// The form of a weighted sum's weights.
constexpr PanelShape weight_panels(std::int64_t inputs, std::int64_t outputs) noexcept {
  return {inputs, outputs, outputs <= kFewOutputs};
}

/// Row-major weights to panels. Element (k, n) is at weights[k * input_stride + n * output_stride]; padding becomes 0.
void pack_panels(const PanelShape& shape, const float* weights, std::int64_t input_stride, std::int64_t output_stride,
                 float* panels, Worker worker) noexcept;
/// The inverse of pack_panels.
void unpack_panels(const PanelShape& shape, const float* panels, float* weights, std::int64_t input_stride,
                   std::int64_t output_stride, Worker worker) noexcept;

struct WeightedSumForward {
  std::int64_t rows = 0;  ///< M
  PanelShape shape;
  const float* x = nullptr;  ///< element (m, k) at x[m * x_row_stride + k * x_column_stride]
  std::int64_t x_row_stride = 0;
  std::int64_t x_column_stride = 1;
  const float* panels = nullptr;
  const float* bias = nullptr;  ///< N floats (no padding needed), or null
  float* y = nullptr;           ///< [M, N], row-major
  std::int64_t y_row_stride = 0;
  const Program* epilogue = nullptr;  ///< over rows M × columns N; its tile is that of y, which it may overwrite
};
/// Bytes of scratch that one worker needs.
std::size_t scratch_bytes(const WeightedSumForward& call) noexcept;
/// Computes worker.index's share of y. K = 0 gives the bias alone.
void weighted_sum(const WeightedSumForward& call, std::byte* scratch, Worker worker) noexcept;

struct WeightedSumInputGradient {
  std::int64_t rows = 0;  ///< M
  PanelShape shape;
  const float* dz = nullptr;  ///< [M, N], row-major
  std::int64_t dz_row_stride = 0;
  const float* panels = nullptr;
  float* dx = nullptr;  ///< [M, K], row-major
  std::int64_t dx_row_stride = 0;
  const Program* epilogue = nullptr;  ///< over rows M × columns K; its tile is that of dx, which it may overwrite
};
std::size_t scratch_bytes(const WeightedSumInputGradient& call) noexcept;
void weighted_sum_input_gradient(const WeightedSumInputGradient& call, std::byte* scratch, Worker worker) noexcept;

struct WeightedSumWeightGradient {
  std::int64_t rows = 0;  ///< M, the terms of each sum
  PanelShape shape;
  const float* x = nullptr;  ///< [M, K], row-major
  std::int64_t x_row_stride = 0;
  const float* dz = nullptr;  ///< [M, N], row-major
  std::int64_t dz_row_stride = 0;
  float* panels = nullptr;            ///< dW in panels, padding 0; null where the epilogue consumes each tile
  const Program* epilogue = nullptr;  ///< over the packed form seen as a matrix
};
std::size_t scratch_bytes(const WeightedSumWeightGradient& call) noexcept;
void weighted_sum_weight_gradient(const WeightedSumWeightGradient& call, std::byte* scratch, Worker worker) noexcept;

/// The sum over rows of dz[M, N] (the bias' gradient), each column in one fixed order. Workers split the columns.
void column_sums(std::int64_t rows, std::int64_t columns, const float* dz, std::int64_t row_stride, float* sums,
                 Worker worker) noexcept;

/// General product C[M, N] = A · B + bias for operands that are not weights (both strided any way), B packed into scratch on the
/// way.
struct MatrixProduct {
  std::int64_t rows = 0;     ///< M
  std::int64_t inner = 0;    ///< K
  std::int64_t columns = 0;  ///< N
  const float* a = nullptr;
  std::int64_t a_row_stride = 0;
  std::int64_t a_column_stride = 1;
  const float* b = nullptr;
  std::int64_t b_row_stride = 0;
  std::int64_t b_column_stride = 1;
  const float* bias = nullptr;  ///< N floats, or null
  float* c = nullptr;
  std::int64_t c_row_stride = 0;
  const Program* epilogue = nullptr;  ///< over M × N
};
std::size_t scratch_bytes(const MatrixProduct& call) noexcept;
void matrix_product(const MatrixProduct& call, std::byte* scratch, Worker worker) noexcept;

/// Peak of fused multiply-add on this thread right now, in GFLOP/s: the best of a few bursts of `milliseconds` in all.
double measure_fma_peak(double milliseconds) noexcept;

/// The SIMD target in use ("AVX3", "AVX2", "SSE4", "NEON", …).
const char* simd_target() noexcept;

}  // namespace neurons::kernels
