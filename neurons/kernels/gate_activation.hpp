#pragma once
/// The activations that ONNX's RNN, GRU and LSTM name, in float32, each with a slope that is a function of its value: backward
/// passes keep values, not sums. And how loops over rows of gates are written down.

#include <initializer_list>

#include "neurons/kernels/tile.hpp"

namespace neurons::kernels {

/// Rows of floats, `stride` apart. No data: absent.
struct FloatRows {
  float* data = nullptr;
  std::ptrdiff_t stride = 0;

  explicit operator bool() const noexcept { return data != nullptr; }
  FloatRows at(std::ptrdiff_t row, std::ptrdiff_t column = 0) const noexcept {
    return {data == nullptr ? nullptr : data + row * stride + column, stride};
  }
};

/// Runs elementwise loops over the first rows and columns of their operands: inputs, then the output.
struct RowLoop {
  std::int64_t rows = 0;
  std::int64_t columns = 0;

  void operator()(TileFunction function, std::initializer_list<FloatRows> operands, const void* options = nullptr) const noexcept;
  void copy(FloatRows from, FloatRows to) const noexcept;
  void fill(float value, FloatRows to) const noexcept;
};

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
  GateKind kind_;
  float alpha_;
  float beta_;
  float clip_;
  float lowest_ = 0;  ///< values of sums that are clipped
  float highest_ = 0;
};

}  // namespace neurons::kernels
