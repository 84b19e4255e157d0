#pragma once
/// Recurrent neurons of any kind that ONNX has: with one gate, and long short-term memory and gated recurrent units with other
/// activations, clipped sums, peepholes, coupled gates, a reset before the sum. The gates of all units lie one after the other
/// (GateShape::separate). Each step is a weighted sum for all of a worker's rows,
/// then elementwise loops over those rows that have the step: a few in the first-level cache at a time.
///
/// Workers share the rows of the batch and walk through all steps without meeting. Every sum is one chain of multiply-adds in one
/// fixed order: bits do not depend on the number of workers.

#include "neurons/kernels/gate_activation.hpp"
#include "neurons/kernels/recurrent.hpp"

namespace neurons::kernels {

/// i, f = gate(sums + p · c), g = candidate(sum), c' = f · c + i · g, o = gate(sum + p · c'), h' = o · cell(c').
struct AnyLstm {
  GateActivation gate{GateKind::sigmoid};
  GateActivation candidate;
  GateActivation cell;
  bool couples = false;  ///< f = 1 - i
};
struct AnyLstmForward : LstmForward {
  AnyLstm kind;
  const float* peepholes = nullptr;  ///< [3 · hidden] of i, o, f; null: 0
};
std::size_t scratch_bytes(const AnyLstmForward& call) noexcept;
void any_lstm(const AnyLstmForward& call, std::byte* scratch, Worker worker) noexcept;

struct AnyLstmBackward : LstmBackward {
  AnyLstm kind;
  const float* peepholes = nullptr;
  float* dpeepholes = nullptr;  ///< [batch, 3 · hidden], of each row
};
std::size_t scratch_bytes(const AnyLstmBackward& call) noexcept;
void any_lstm_gradient(const AnyLstmBackward& call, std::byte* scratch, Worker worker) noexcept;

/// z, r = gate(sums), n = candidate(sum of the inputs + r · (h · R + bias)), h' = (1 - z) · n + z · h. Or, as in the first version
/// of Cho et al. 2014, the reset comes before the recurrent sum: n = candidate(sum of the inputs + (r · h) · R).
struct AnyGru {
  GateActivation gate{GateKind::sigmoid};
  GateActivation candidate;
  bool resets_before = false;
};
/// `recurrent` is r · h where the reset comes before; there is no bias then.
struct AnyGruForward : GruForward {
  AnyGru kind;
};
std::size_t scratch_bytes(const AnyGruForward& call) noexcept;
void any_gru(const AnyGruForward& call, std::byte* scratch, Worker worker) noexcept;

struct AnyGruBackward : GruBackward {
  AnyGru kind;
};
std::size_t scratch_bytes(const AnyGruBackward& call) noexcept;
void any_gru_gradient(const AnyGruBackward& call, std::byte* scratch, Worker worker) noexcept;

/// Simple recurrent neurons (Elman 1990): h' = activation(sum).
struct RnnForward {
  RecurrentShape shape;
  GateActivation activation;
  const float* sums = nullptr;
  const float* panels = nullptr;
  const float* initial_h = nullptr;
  float* y = nullptr;
  float* last_h = nullptr;
  float* previous = nullptr;
};
std::size_t scratch_bytes(const RnnForward& call) noexcept;
void rnn(const RnnForward& call, std::byte* scratch, Worker worker) noexcept;

struct RnnBackward {
  RecurrentShape shape;
  GateActivation activation;
  const float* turned = nullptr;
  const float* y = nullptr;
  const float* dy = nullptr;
  const float* last_dh = nullptr;
  float* dsums = nullptr;
  float* initial_dh = nullptr;
};
std::size_t scratch_bytes(const RnnBackward& call) noexcept;
void rnn_gradient(const RnnBackward& call, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
