#pragma once
/// Epilogues that are no more than relu or its derivative: small products apply them before their results leave the registers.

#include <cstdint>

#include "neurons/kernels/panel_product.hpp"

namespace neurons::kernels {

/// A result becomes 0 where its gate is not above 0; NaN gates let it pass.
struct Rectifier {
  bool by_itself = false;         ///< each result is its own gate: relu
  const float* gates = nullptr;   ///< or they lie here, a row for each row of C: relu's derivative from relu's results
  std::int64_t gates_stride = 0;  ///< from one row of gates to the next

  bool is_any() const noexcept { return by_itself || gates != nullptr; }
};

/// What the product's epilogue is, if it is one of these and leaves its results in C; else none.
Rectifier rectifier_of(const PanelProduct& product) noexcept;

}  // namespace neurons::kernels
