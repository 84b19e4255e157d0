#pragma once
/// The vectorised elementwise loops, by name. All are `TileFunction`s over float32 unless the name says otherwise; NaN passes
/// through.

#include <cstdint>

#include "neurons/kernels/tile.hpp"

namespace neurons::kernels {

// One input, one output.
void identity(const Tile& tile) noexcept;
void negate(const Tile& tile) noexcept;
void absolute(const Tile& tile) noexcept;
void sign(const Tile& tile) noexcept;
void reciprocal(const Tile& tile) noexcept;
void square_root(const Tile& tile) noexcept;
void exponential(const Tile& tile) noexcept;     ///< ≤ 2 ulp; overflows to inf, underflows to 0
void logarithm(const Tile& tile) noexcept;       ///< log(0) = -inf, log(<0) = NaN
void error_function(const Tile& tile) noexcept;  ///< erf, absolute error ≤ 3e-7
void floor(const Tile& tile) noexcept;
void ceil(const Tile& tile) noexcept;
void round(const Tile& tile) noexcept;  ///< half to even
void sine(const Tile& tile) noexcept;
void cosine(const Tile& tile) noexcept;
void tanh(const Tile& tile) noexcept;
void sigmoid(const Tile& tile) noexcept;
void softplus(const Tile& tile) noexcept;  ///< log(1 + exp(x)) without overflow
void relu(const Tile& tile) noexcept;
void elu(const Tile& tile) noexcept;         ///< options: SlopeOptions (alpha)
void selu(const Tile& tile) noexcept;        ///< options: SeluOptions
void celu(const Tile& tile) noexcept;        ///< options: SlopeOptions (alpha)
void leaky_relu(const Tile& tile) noexcept;  ///< options: SlopeOptions (alpha)
void gelu_erf(const Tile& tile) noexcept;
void gelu_tanh(const Tile& tile) noexcept;
void silu(const Tile& tile) noexcept;
void mish(const Tile& tile) noexcept;
void softsign(const Tile& tile) noexcept;
void hard_sigmoid(const Tile& tile) noexcept;  ///< options: HardSigmoidOptions
void hard_swish(const Tile& tile) noexcept;    ///< x · max(0, min(1, x/6 + 1/2))

/// An activation and its derivative: input x, outputs f(x) and f'(x).
void gelu_erf_and_slope(const Tile& tile) noexcept;

/// Derivatives: inputs (dy, saved), output dx = dy · f'(saved). "saved" is the activation's output y where the name ends in
/// _from_output and its input x otherwise.
void relu_gradient_from_output(const Tile& tile) noexcept;
void leaky_relu_gradient(const Tile& tile) noexcept;  ///< options: SlopeOptions
void elu_gradient(const Tile& tile) noexcept;         ///< options: SlopeOptions
void selu_gradient(const Tile& tile) noexcept;        ///< options: SeluOptions
void celu_gradient(const Tile& tile) noexcept;        ///< options: SlopeOptions
void tanh_gradient_from_output(const Tile& tile) noexcept;
void sigmoid_gradient_from_output(const Tile& tile) noexcept;
void softplus_gradient(const Tile& tile) noexcept;
void softsign_gradient(const Tile& tile) noexcept;
void gelu_erf_gradient(const Tile& tile) noexcept;
void gelu_tanh_gradient(const Tile& tile) noexcept;
void silu_gradient(const Tile& tile) noexcept;
void mish_gradient(const Tile& tile) noexcept;
void hard_sigmoid_gradient(const Tile& tile) noexcept;  ///< options: HardSigmoidOptions
void hard_swish_gradient(const Tile& tile) noexcept;

// Two inputs, one output.
void add(const Tile& tile) noexcept;
void subtract(const Tile& tile) noexcept;
void multiply(const Tile& tile) noexcept;
void divide(const Tile& tile) noexcept;
void minimum(const Tile& tile) noexcept;  ///< NaN if either is NaN
void maximum(const Tile& tile) noexcept;  ///< NaN if either is NaN
void power(const Tile& tile) noexcept;
void prelu(const Tile& tile) noexcept;  ///< (x, slope)

// More inputs, one output.
void clip(const Tile& tile) noexcept;           ///< (x, low, high)
void multiply_add(const Tile& tile) noexcept;   ///< (x, a, b) to x · a + b
void weighted_pair(const Tile& tile) noexcept;  ///< (x, p, y, q, r) to x · p + y · q + r

// Comparisons: two float inputs, one boolean output (one byte, 0 or 1); selection: (boolean, a, b) → float.
void equal(const Tile& tile) noexcept;
void less(const Tile& tile) noexcept;
void less_or_equal(const Tile& tile) noexcept;
void greater(const Tile& tile) noexcept;
void greater_or_equal(const Tile& tile) noexcept;
void where(const Tile& tile) noexcept;
void boolean_to_float(const Tile& tile) noexcept;
void byte_to_float(const Tile& tile) noexcept;

/// Inverted dropout: y = x · keep / (1 - ratio), where keep is drawn for the element's index from Philox(seed, step) — the same
/// call on dy with the same options and step is its gradient. Inputs (x, step as i64 scalar), output y.
struct DropoutOptions {
  float ratio = 0.5F;
  std::uint64_t seed = 0;
};
void dropout(const Tile& tile) noexcept;

struct SlopeOptions {
  float alpha = 1.0F;
};
struct SeluOptions {
  float alpha = 1.67326319217681884765625F;
  float gamma = 1.05070102214813232421875F;
};
struct HardSigmoidOptions {
  float alpha = 0.2F;
  float beta = 0.5F;
};

}  // namespace neurons::kernels
