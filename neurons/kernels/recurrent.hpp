#pragma once
/// The recurrent part of recurrent neurons: what their inputs contribute to each sum comes from one weighted sum over all time
/// steps; here each step adds what the neurons themselves said one step before, and makes of the sums the new state.
///
/// Sums and weights have the gates of sixteen units side by side ("interleaved"): a register tile holds every gate of its units, so
/// the new state is computed where the sums are. (recurrent_any.hpp does what these kernels do not.) Workers share the rows of the
/// batch and walk through all steps without meeting. Every sum is one chain of multiply-adds in one fixed order: bits do not depend
/// on the number of workers.

#include <cstddef>
#include <cstdint>

#include "neurons/kernels/prepared_product.hpp"

namespace neurons::kernels {

/// Units whose gates lie side by side.
inline constexpr std::int64_t kGateUnits = 16;

/// Columns of interleaved gates: blocks of sixteen units, in each block first gate 0 of its units, then gate 1, … The last block is
/// padded with units whose weights are 0. Or of `separate` ones: gate 0 of all units, padding included, then gate 1, …
struct GateShape {
  std::int64_t gates = 1;
  std::int64_t hidden = 0;  ///< units
  bool separate = false;

  std::int64_t blocks() const noexcept { return (hidden + kGateUnits - 1) / kGateUnits; }
  std::int64_t padded() const noexcept { return blocks() * kGateUnits; }
  std::int64_t columns() const noexcept { return gates * padded(); }
  /// The column of a unit's gate.
  std::int64_t column(std::int64_t gate, std::int64_t unit) const noexcept {
    return separate ? gate * padded() + unit : (unit / kGateUnits * gates + gate) * kGateUnits + unit % kGateUnits;
  }
  /// Recurrent weights [hidden inputs, columns outputs] in panels.
  PanelShape panels() const noexcept { return {hidden, columns()}; }
  bool operator==(const GateShape&) const = default;
};

/// What all kinds of recurrent neurons have in common. Optional operands are null.
struct RecurrentShape {
  std::int64_t steps = 0;
  std::int64_t batch = 0;
  GateShape gates;
  bool reverse = false;  ///< the last step first
  const std::int32_t* lengths =
      nullptr;  ///< [batch]: steps of each row that exist; null: all. At the others y is 0 and the state stays
};

/// Long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates: Gers et al. 2000). Gates: input, output, forget,
/// candidate:
///   i, o, f = σ(sums), g = tanh(sum), c' = f · c + i · g, h' = o · tanh(c')
struct LstmForward {
  RecurrentShape shape;
  const float* sums = nullptr;       ///< [steps, batch, columns], what the inputs contribute
  const float* panels = nullptr;     ///< recurrent weights
  const float* initial_h = nullptr;  ///< [batch, hidden]; null: 0
  const float* initial_c = nullptr;
  float* y = nullptr;  ///< [steps, batch, hidden], h after each step
  float* last_h = nullptr;
  float* last_c = nullptr;
  float* previous = nullptr;   ///< [steps, batch, hidden], h before each step
  float* activated = nullptr;  ///< [steps, batch, columns], the gates
  float* cells = nullptr;      ///< [steps, batch, hidden], c after each step
};
std::size_t scratch_bytes(const LstmForward& call) noexcept;
void lstm(const LstmForward& call, std::byte* scratch, Worker worker) noexcept;

struct LstmBackward {
  RecurrentShape shape;
  const float* turned = nullptr;  ///< the recurrent weights transposed, [columns inputs, hidden outputs] in panels
  const float* activated = nullptr;
  const float* cells = nullptr;
  const float* initial_c = nullptr;  ///< null: 0
  const float* dy = nullptr;         ///< null: 0
  const float* last_dh = nullptr;    ///< null: 0
  const float* last_dc = nullptr;    ///< null: 0
  float* dsums = nullptr;            ///< [steps, batch, columns]
  float* initial_dh = nullptr;
  float* initial_dc = nullptr;
};
std::size_t scratch_bytes(const LstmBackward& call) noexcept;
void lstm_gradient(const LstmBackward& call, std::byte* scratch, Worker worker) noexcept;

/// Gated recurrent units (Cho et al. 2014). Gates: update, reset, candidate:
///   z, r = σ(sums), n = tanh(sum of the inputs + r · (h · R + bias)), h' = (1 - z) · n + z · h
struct GruForward {
  RecurrentShape shape;
  const float* sums = nullptr;
  const float* panels = nullptr;
  const float* bias = nullptr;  ///< [hidden], of the candidate's recurrent part; null: 0
  const float* initial_h = nullptr;
  float* y = nullptr;
  float* last_h = nullptr;
  float* previous = nullptr;   ///< [steps, batch, hidden], h before each step
  float* activated = nullptr;  ///< [steps, batch, columns], z, r, n
  float* recurrent = nullptr;  ///< [steps, batch, hidden]: h · R + bias of the candidate
};
std::size_t scratch_bytes(const GruForward& call) noexcept;
void gru(const GruForward& call, std::byte* scratch, Worker worker) noexcept;

struct GruBackward {
  RecurrentShape shape;
  const float* turned = nullptr;
  const float* previous = nullptr;
  const float* activated = nullptr;
  const float* recurrent = nullptr;
  const float* dy = nullptr;
  const float* last_dh = nullptr;
  float* dsums = nullptr;       ///< [steps, batch, columns], of what the inputs contribute
  float* drecurrent = nullptr;  ///< [steps, batch, columns], of h · R
  float* initial_dh = nullptr;
};
std::size_t scratch_bytes(const GruBackward& call) noexcept;
void gru_gradient(const GruBackward& call, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
