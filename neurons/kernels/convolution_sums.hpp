#pragma once
/// Convolutions and their input gradients, product by product: private to the convolution kernels.

#include "neurons/kernels/convolution_plan.hpp"

namespace neurons::kernels {

/// Computes worker.index's share of a plan of sums.
void run_convolution_sums(const PreparedConvolution::Plan& plan, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
