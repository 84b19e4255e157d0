#include "neurons/kernels/gate_activation.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/kernels/elementwise.hpp"

namespace neurons::kernels {
namespace {

/// y = function(x), for what has no vectorised loop of its own.
template <typename Function>
void map_rows(const RowLoop& loop, FloatRows x, FloatRows y, const Function& function) noexcept {
  for (std::int64_t row = 0; row < loop.rows; ++row) {
    const float* const from = x.at(row).data;
    float* const to = y.at(row).data;
    for (std::int64_t column = 0; column < loop.columns; ++column) to[column] = function(from[column]);
  }
}

/// dx = dy · slope(y).
template <typename Slope>
void map_slopes(const RowLoop& loop, FloatRows dy, FloatRows y, FloatRows dx, const Slope& slope) noexcept {
  for (std::int64_t row = 0; row < loop.rows; ++row) {
    const float* const arriving = dy.at(row).data;
    const float* const value = y.at(row).data;
    float* const to = dx.at(row).data;
    for (std::int64_t column = 0; column < loop.columns; ++column) to[column] = arriving[column] * slope(value[column]);
  }
}

}  // namespace

GateActivation::GateActivation(GateKind kind, float alpha, float beta, float clip) noexcept
    : gate_(kind), alpha_(alpha), beta_(beta), clip_(clip) {
  if (!(clip_ > 0)) return;
  lowest_ = -clip_;
  highest_ = clip_;
  for (float* value : {&lowest_, &highest_}) apply_unclipped({1, 1}, {value, 1}, {value, 1});
}

void GateActivation::apply(const RowLoop& loop, FloatRows x, FloatRows y) const noexcept {
  if (clip_ > 0) {
    map_rows(loop, x, y, [clip = clip_](float sum) { return std::clamp(sum, -clip, clip); });
    x = y;
  }
  apply_unclipped(loop, x, y);
}

void GateActivation::apply_unclipped(const RowLoop& loop, FloatRows x, FloatRows y) const noexcept {
  const SlopeOptions slope{alpha_};
  const HardSigmoidOptions line{alpha_, beta_};
  const auto scaled = [&](FloatRows from, float factor) {
    map_rows(loop, from, y, [factor](float value) { return value * factor; });
  };
  switch (gate_) {
    case GateKind::affine:
      return map_rows(loop, x, y, [alpha = alpha_, beta = beta_](float sum) { return alpha * sum + beta; });
    case GateKind::elu:
      return loop(elu, {x, y}, &slope);
    case GateKind::hard_sigmoid:
      return loop(hard_sigmoid, {x, y}, &line);
    case GateKind::leaky_relu:
      return loop(leaky_relu, {x, y}, &slope);
    case GateKind::relu:
      return loop(relu, {x, y});
    case GateKind::scaled_tanh:
      scaled(x, beta_);
      loop(tanh, {y, y});
      return scaled(y, alpha_);
    case GateKind::sigmoid:
      return loop(sigmoid, {x, y});
    case GateKind::softplus:
      return loop(softplus, {x, y});
    case GateKind::softsign:
      return loop(softsign, {x, y});
    case GateKind::tanh:
      return loop(tanh, {x, y});
    case GateKind::thresholded_relu:
      return map_rows(loop, x, y, [alpha = alpha_](float sum) { return sum > alpha || std::isnan(sum) ? sum : 0; });
  }
}

void GateActivation::apply_slope(const RowLoop& loop, FloatRows dy, FloatRows y, FloatRows dx) const noexcept {
  if (clip_ > 0) {
    const auto within = [low = lowest_, high = highest_](float value) { return value == low || value == high ? 0.0F : 1.0F; };
    map_slopes(loop, dy, y, dx, within);
    dy = dx;
  }
  const auto times = [&](const auto& slope) { map_slopes(loop, dy, y, dx, slope); };
  switch (gate_) {
    case GateKind::affine:
      return times([alpha = alpha_](float) { return alpha; });
    case GateKind::elu:
      return times([alpha = alpha_](float value) { return value >= 0 ? 1 : value + alpha; });
    case GateKind::hard_sigmoid:
      return times([alpha = alpha_](float value) { return value > 0 && value < 1 ? alpha : 0; });
    case GateKind::leaky_relu:
      return times([alpha = alpha_](float value) { return value >= 0 ? 1 : alpha; });
    case GateKind::relu:
    case GateKind::thresholded_relu:
      return loop(relu_gradient_from_output, {dy, y, dx});
    case GateKind::scaled_tanh:
      return times([alpha = alpha_, beta = beta_](float value) { return beta * (alpha - value * value / alpha); });
    case GateKind::sigmoid:
      return loop(sigmoid_gradient_from_output, {dy, y, dx});
    case GateKind::softplus:
      return times([](float value) { return -std::expm1(-value); });
    case GateKind::softsign:
      return times([](float value) { return (1 - std::abs(value)) * (1 - std::abs(value)); });
    case GateKind::tanh:
      return loop(tanh_gradient_from_output, {dy, y, dx});
  }
}

}  // namespace neurons::kernels
