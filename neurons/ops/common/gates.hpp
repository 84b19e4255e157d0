#pragma once
/// Gates of recurrent neurons: ONNX has the rows of one gate after the other, plans have the gates of the same units together.

#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"
#include "neurons/kernels/recurrent.hpp"

namespace neurons::ops {

/// Options of the ops that bring weights and biases from one order to the other.
struct GateOptions {
  std::int64_t gates = 1;
  std::int64_t hidden = 0;          ///< units
  std::vector<std::int64_t> shape;  ///< the plain form: gates · hidden rows, whatever its axes
  bool separate = false;            ///< as in kernels::GateShape

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("gates", self.gates);
    visit("hidden", self.hidden);
    visit("shape", self.shape);
    visit("separate", self.separate);
  }
  kernels::GateShape gate_shape() const { return {gates, hidden, separate}; }
  Shape plain_shape() const { return Shape(std::span<const std::int64_t>(shape)); }
  /// Numbers in a row: the inputs of a unit, or 1 for a bias.
  std::int64_t row() const { return plain_shape().elements() / (gates * hidden); }
  Shape interleaved_shape() const { return {gate_shape().columns(), row()}; }
  bool operator==(const GateOptions&) const = default;
};

/// The frame of an op that moves gates: internal, with GateOptions, no operations. Shapes, kernels and samples are the caller's.
OpDef gate_op(std::string name, std::string summary);

/// Throws unless `shape` has gates · hidden whole rows.
void require_gates(const InferContext& context, const GateOptions& options);

/// Rows in interleaved order, padding 0, and back. `To` and `from` may be of any number type.
template <typename T>
void interleave_rows(const GateOptions& options, const T* plain, T* interleaved) {
  const kernels::GateShape gates = options.gate_shape();
  const std::int64_t row = options.row();
  std::fill_n(interleaved, gates.columns() * row, T(0));
  for (std::int64_t g = 0; g < gates.gates; ++g) {
    for (std::int64_t u = 0; u < gates.hidden; ++u) {
      std::copy_n(plain + (g * gates.hidden + u) * row, row, interleaved + gates.column(g, u) * row);
    }
  }
}
template <typename T>
void separate_rows(const GateOptions& options, const T* interleaved, T* plain) {
  const kernels::GateShape gates = options.gate_shape();
  const std::int64_t row = options.row();
  for (std::int64_t g = 0; g < gates.gates; ++g) {
    for (std::int64_t u = 0; u < gates.hidden; ++u) {
      std::copy_n(interleaved + gates.column(g, u) * row, row, plain + (g * gates.hidden + u) * row);
    }
  }
}

/// Weights or a bias of gates · hidden rows as [columns, numbers of a row]: an InterleaveGates node.
Value interleaved(Value plain, const kernels::GateShape& gates);

/// `value`, or what it is a view of where a Reshape made it.
Value without_reshape(Value value);

}  // namespace neurons::ops
