#pragma once
/// The activations that ONNX's RNN, GRU and LSTM name, in double precision: the reference of kernels::GateActivation.

#include <string>
#include <vector>

#include "neurons/kernels/gate_activation.hpp"

namespace neurons::ops {

/// A monotone function of a clipped sum, and its slope as a function of its value: backward passes keep values, not sums.
class GateFunction {
 public:
  /// Throws InputError for an unknown name. `clip` 0: sums are not clipped.
  GateFunction(const std::string& name, double alpha, double beta, double clip);

  double operator()(double sum) const;
  /// dy/dsum where the function's value is y: 0 where the sum was clipped.
  double slope(double y) const;
  /// The same in float32.
  kernels::GateActivation kernel() const;

 private:
  using Kind = kernels::GateKind;
  double value(double sum) const;
  Kind kind_;
  double alpha_ = 0;
  double beta_ = 0;
  double clip_ = 0;
};

/// Functions by name, each with its own alpha and beta (0 where it has none).
struct GateFunctionNames {
  std::vector<std::string> names;
  std::vector<float> alphas;
  std::vector<float> betas;
};

/// ONNX's lists, whose alphas and betas stand in the order of those functions that have them, defaults where a list is too short.
/// Throws InputError for an unknown name.
GateFunctionNames resolve_functions(const std::vector<std::string>& names, const std::vector<float>& alphas,
                                    const std::vector<float>& betas);

}  // namespace neurons::ops
