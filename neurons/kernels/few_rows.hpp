#pragma once
/// The gradient with respect to the input of a few samples, as dot products along the rows of the panels.

#include "neurons/kernels/weighted_sum.hpp"

namespace neurons::kernels {

/// Whether dot products are the cheaper way: turning the weights around pays only if enough samples use them.
constexpr bool has_few_rows(const WeightedSumInputGradient& call) noexcept { return call.rows <= 6 && !call.shape.by_output; }

std::size_t few_rows_scratch_bytes(const WeightedSumInputGradient& call) noexcept;
void run_few_rows(const WeightedSumInputGradient& call, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
