// Derivatives of the activations times the upstream gradient dy. Bounds on x stand where the derivative has reached its limit: they
// keep intermediate products finite.
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/elementwise_gradients.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <limits>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/maths-inl.h"
#include "neurons/kernels/tile_functions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// dy where the condition holds, else 0.
template <class Mask>
HWY_INLINE Vector where_true(Mask condition, Vector dy) {
  return hn::IfThenElseZero(condition, dy);
}

/// dy · (x > 0 ? 1 : below)
HWY_INLINE Vector two_pieces(Floats d, Vector dy, Vector x, Vector below) {
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), dy, hn::Mul(dy, below));
}

/// Φ(x) + x·φ(x)
HWY_INLINE Vector gelu_erf_slope(Floats d, Vector unbounded) {
  const Vector x = at_most(d, at_least(d, unbounded, -13.0F), 13.0F);
  const auto normal = normal_distribution(d, x);
  return hn::MulAdd(hn::Mul(x, hn::Set(d, 0.398942280F)), normal.bell, normal.integral);
}

/// x·Φ(x) and Φ(x) + x·φ(x), which share what takes long.
HWY_INLINE Results<2> gelu_erf_and_slope(Floats d, Vector unbounded) {
  const Vector x = at_least(d, unbounded, -std::numeric_limits<float>::max());
  const auto normal = normal_distribution(d, x);
  const Vector bounded = at_most(d, at_least(d, x, -13.0F), 13.0F);
  return {{hn::Mul(x, normal.integral), hn::MulAdd(hn::Mul(bounded, hn::Set(d, 0.398942280F)), normal.bell, normal.integral)}};
}

/// (1 + t)/2 + x/2·(1 - t²)·u', where t = tanh(u) and u = sqrt(2/π)·(x + 0.044715·x³)
HWY_INLINE Vector gelu_tanh_slope(Floats d, Vector unbounded) {
  const Vector half = hn::Set(d, 0.5F);
  const Vector x = at_most(d, at_least(d, unbounded, -13.0F), 13.0F);
  const Vector x2 = hn::Mul(x, x);
  const Vector t = tanh(d, hn::Mul(x, polynomial(d, x2, 0.797884561F, 0.0356774081F)));
  const Vector inner_slope = polynomial(d, x2, 0.797884561F, 0.107032224F);
  const Vector gate_slope = hn::Mul(hn::NegMulAdd(t, t, hn::Set(d, 1.0F)), inner_slope);
  return hn::MulAdd(hn::Mul(half, x), gate_slope, hn::MulAdd(half, t, half));
}

/// s·(1 + x·(1 - s)), s = sigmoid(x)
HWY_INLINE Vector silu_slope(Floats d, Vector unbounded) {
  const Vector x = at_most(d, at_least(d, unbounded, -120.0F), 120.0F);
  const Vector one = hn::Set(d, 1.0F);
  const Vector s = sigmoid(d, x);
  return hn::Mul(s, hn::MulAdd(x, hn::Sub(one, s), one));
}

/// n/(n + 2) + x·4e(e + 1)/(n + 2)², where e = e^x and n = e·(e + 2)
HWY_INLINE Vector mish_slope(Floats d, Vector unbounded) {
  const Vector x = at_most(d, at_least(d, unbounded, -120.0F), 20.0F);
  const Vector two = hn::Set(d, 2.0F);
  const Vector e = exp(d, x);
  const Vector n = hn::Mul(e, hn::Add(e, two));
  const Vector inverse = hn::Div(hn::Set(d, 1.0F), hn::Add(n, two));
  const Vector curve = hn::Mul(hn::Mul(hn::Set(d, 4.0F), hn::MulAdd(e, e, e)), hn::Mul(inverse, inverse));
  return hn::MulAdd(x, curve, hn::Mul(n, inverse));
}

HWY_INLINE Vector square_of(Vector x) { return hn::Mul(x, x); }

/// 0 up to -3, 1 from 3 on, x/3 + 1/2 between.
HWY_INLINE Vector hard_swish_slope(Floats d, Vector x) {
  const Vector inner = hn::MulAdd(x, hn::Set(d, 1.0F / 3.0F), hn::Set(d, 0.5F));
  const Vector upper = hn::IfThenElse(hn::Ge(x, hn::Set(d, 3.0F)), hn::Set(d, 1.0F), inner);
  return hn::IfThenZeroElse(hn::Le(x, hn::Set(d, -3.0F)), upper);
}

/// alpha where 0 < alpha·x + beta < 1, else 0.
HWY_INLINE Vector hard_sigmoid_slope(Floats d, Vector x, const HardSigmoidOptions& options) {
  const Vector alpha = hn::Set(d, options.alpha);
  const Vector y = hn::MulAdd(x, alpha, hn::Set(d, options.beta));
  const Vector below_one = where_true(hn::Lt(y, hn::Set(d, 1.0F)), alpha);
  return hn::IfThenElse(hn::IsNaN(x), x, where_true(hn::Gt(y, hn::Zero(d)), below_one));
}

NEURONS_BINARY(relu_gradient_from_output, dy, y, hn::IfThenZeroElse(hn::Le(y, hn::Zero(d)), dy))
NEURONS_BINARY(tanh_gradient_from_output, dy, y, hn::Mul(dy, hn::NegMulAdd(y, y, hn::Set(d, 1.0F))))
NEURONS_BINARY(sigmoid_gradient_from_output, dy, y, hn::Mul(dy, hn::Mul(y, hn::Sub(hn::Set(d, 1.0F), y))))
NEURONS_BINARY(softplus_gradient, dy, x, hn::Mul(dy, sigmoid(d, x)))
NEURONS_BINARY(softsign_gradient, dy, x, hn::Div(dy, square_of(hn::Add(hn::Set(d, 1.0F), hn::Abs(x)))))
void gelu_erf_and_slope_tile(const Tile& tile) {
  map(Outputs<float, float>(), Inputs<float>(), tile, [](Floats d, Vector x) HWY_ATTR { return gelu_erf_and_slope(d, x); });
}
NEURONS_BINARY(gelu_erf_gradient, dy, x, hn::Mul(dy, gelu_erf_slope(d, x)))
NEURONS_BINARY(gelu_tanh_gradient, dy, x, hn::Mul(dy, gelu_tanh_slope(d, x)))
NEURONS_BINARY(silu_gradient, dy, x, hn::Mul(dy, silu_slope(d, x)))
NEURONS_BINARY(mish_gradient, dy, x, hn::Mul(dy, mish_slope(d, x)))
NEURONS_BINARY(hard_swish_gradient, dy, x, hn::Mul(dy, hard_swish_slope(d, x)))

NEURONS_BINARY_WITH(SlopeOptions, leaky_relu_gradient, dy, x, two_pieces(d, dy, x, hn::Set(d, options.alpha)))
NEURONS_BINARY_WITH(SlopeOptions, elu_gradient, dy, x, two_pieces(d, dy, x, hn::Mul(hn::Set(d, options.alpha), exp(d, x))))
NEURONS_BINARY_WITH(SlopeOptions, celu_gradient, dy, x, two_pieces(d, dy, x, exp(d, hn::Div(x, hn::Set(d, options.alpha)))))
NEURONS_BINARY_WITH(SeluOptions, selu_gradient, dy, x,
                    hn::Mul(hn::Set(d, options.gamma), two_pieces(d, dy, x, hn::Mul(hn::Set(d, options.alpha), exp(d, x)))))
NEURONS_BINARY_WITH(HardSigmoidOptions, hard_sigmoid_gradient, dy, x, hn::Mul(dy, hard_sigmoid_slope(d, x, options)))

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

NEURONS_TILE_FUNCTION(relu_gradient_from_output)
NEURONS_TILE_FUNCTION(tanh_gradient_from_output)
NEURONS_TILE_FUNCTION(sigmoid_gradient_from_output)
NEURONS_TILE_FUNCTION(softplus_gradient)
NEURONS_TILE_FUNCTION(softsign_gradient)
NEURONS_TILE_FUNCTION(gelu_erf_and_slope)
NEURONS_TILE_FUNCTION(gelu_erf_gradient)
NEURONS_TILE_FUNCTION(gelu_tanh_gradient)
NEURONS_TILE_FUNCTION(silu_gradient)
NEURONS_TILE_FUNCTION(mish_gradient)
NEURONS_TILE_FUNCTION(hard_swish_gradient)
NEURONS_TILE_FUNCTION(leaky_relu_gradient)
NEURONS_TILE_FUNCTION(elu_gradient)
NEURONS_TILE_FUNCTION(celu_gradient)
NEURONS_TILE_FUNCTION(selu_gradient)
NEURONS_TILE_FUNCTION(hard_sigmoid_gradient)

}  // namespace neurons::kernels
#endif  // HWY_ONCE
