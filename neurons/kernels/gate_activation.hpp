#pragma once
/// The activations that ONNX's RNN, GRU and LSTM name, in float32, each with a slope that is a function of its value: backward
/// passes keep values, not sums.

#include "neurons/kernels/row_loop.hpp"

namespace neurons::kernels {

/// Names in the order of ONNX's list.
enum class GateKind {
  affine,
  elu,
  hard_sigmoid,
  leaky_relu,
  relu,
  scaled_tanh,
  sigmoid,
  softplus,
  softsign,
  tanh,
  thresholded_relu
};

/// A monotone function of a clipped sum.
class GateActivation {
 public:
  /// `clip` 0: sums are not clipped.
  explicit GateActivation(GateKind kind = GateKind::tanh, float alpha = 0, float beta = 0, float clip = 0) noexcept;

  /// y = f(x); they may be the same memory.
  void apply(const RowLoop& loop, FloatRows x, FloatRows y) const noexcept;
  /// dx = dy · f'(x) where y = f(x): 0 where the sum was clipped. `dx` may be `dy`.
  void apply_slope(const RowLoop& loop, FloatRows dy, FloatRows y, FloatRows dx) const noexcept;

 private:
  void apply_unclipped(const RowLoop& loop, FloatRows x, FloatRows y) const noexcept;
  GateKind gate_;
  float alpha_;
  float beta_;
  float clip_;
  float lowest_ = 0;  ///< values of sums that are clipped
  float highest_ = 0;
};

}  // namespace neurons::kernels
