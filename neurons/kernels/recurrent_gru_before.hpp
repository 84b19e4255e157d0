#pragma once
/// Gated recurrent units whose reset comes before the candidate's recurrent sum (the first version of Cho et al. 2014):
///   z, r = σ(sums), n = tanh(sum of the inputs + (r · h) · R), h' = (1 - z) · n + z · h
/// Each step goes through the units twice, and its walk backwards through the weights.

#include "neurons/kernels/recurrent.hpp"

namespace neurons::kernels {

/// Operands as those of GruForward; it has no bias, and `recurrent` is r · h.
struct GruBeforeForward : GruForward {};
std::size_t scratch_bytes(const GruBeforeForward& call) noexcept;
void gru_before(const GruBeforeForward& call, std::byte* scratch, Worker worker) noexcept;

/// `drecurrent`, of h · R, is 0 for the candidate.
struct GruBeforeBackward : GruBackward {
  float* dreset = nullptr;  ///< [steps, batch, columns], of (r · h) · R: 0 for update and reset
};
void gru_before_gradient(const GruBeforeBackward& call, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
