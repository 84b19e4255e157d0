#pragma once
/// Gradients of convolutions' weights, product by product: private to the convolution kernels.

#include "neurons/kernels/convolution_plan.hpp"

namespace neurons::kernels {

/// Rows that fit into the registers beside that many columns: of a tile of one run, and of each run of a tile of several.
struct TileLimits {
  std::int64_t rows = 0;
  std::int64_t run_rows = 0;
};
TileLimits weight_tile_limits(std::int64_t columns);

/// Computes worker.index's share of a plan of a weight gradient.
void run_weight_gradient(const PreparedConvolution::Plan& plan, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
