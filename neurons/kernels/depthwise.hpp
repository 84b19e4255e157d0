#pragma once
/// Convolutions whose groups are single channels: private to the convolution kernels.

#include "neurons/kernels/convolution_plan.hpp"

namespace neurons::kernels {

/// Computes worker.index's share of a plan that says `depthwise`.
void run_depthwise(const PreparedConvolution::Plan& plan, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
