#pragma once
/// Weighted sums that are run many times: what their sizes and strides decide is worked out once.

#include "neurons/kernels/product_plan.hpp"
#include "neurons/kernels/weighted_sum.hpp"

namespace neurons::kernels {

/// A product and its blocking for the processor at hand.
struct PreparedProduct {
  PanelProduct product;
  ProductPlan plan;

  std::size_t scratch_bytes() const noexcept { return plan.scratch_bytes(product); }
};

PreparedProduct prepare(const PanelProduct& product) noexcept;
PreparedProduct prepare(const WeightedSumForward& call) noexcept;
/// The general way, for more rows than few_rows.hpp takes.
PreparedProduct prepare(const WeightedSumInputGradient& call) noexcept;
PreparedProduct prepare(const WeightedSumWeightGradient& call) noexcept;

/// Computes worker.index's share. `scratch` is 64-byte aligned.
void run(const PreparedProduct& prepared, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
