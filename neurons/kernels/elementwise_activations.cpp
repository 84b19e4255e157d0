// Activations. The limits at -inf of x · f(x) with f → 0 are had by bounding x to finite numbers.
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/elementwise_activations.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <limits>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/maths-inl.h"
#include "neurons/kernels/tile_functions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

constexpr float kLargest = std::numeric_limits<float>::max();

HWY_INLINE Vector softsign(Floats d, Vector x) { return hn::Div(x, hn::Add(hn::Set(d, 1.0F), hn::Abs(x))); }

HWY_INLINE Vector gelu_erf(Floats d, Vector x) { return hn::Mul(x, normal_distribution(d, x).integral); }

/// x/2 · (1 + tanh(sqrt(2/π)·(x + 0.044715·x³)))
HWY_INLINE Vector gelu_tanh(Floats d, Vector x) {
  const Vector half = hn::Set(d, 0.5F);
  const Vector inner = hn::Mul(x, polynomial(d, hn::Mul(x, x), 0.797884561F, 0.0356774081F));
  return hn::Mul(x, hn::MulAdd(half, tanh(d, inner), half));
}

HWY_INLINE Vector silu(Floats d, Vector x) { return hn::Mul(x, sigmoid(d, x)); }

/// x · tanh(log(1 + e^x)) = x · n / (n + 2) with n = e^x·(e^x + 2); from x = 20 on the factor is 1.
HWY_INLINE Vector mish(Floats d, Vector x) {
  const Vector two = hn::Set(d, 2.0F);
  const Vector e = exp(d, at_most(d, x, 20.0F));
  const Vector n = hn::Mul(e, hn::Add(e, two));
  return hn::Mul(x, hn::Div(n, hn::Add(n, two)));
}

HWY_INLINE Vector hard_swish(Floats d, Vector x) {
  const Vector gate = hn::MulAdd(x, hn::Set(d, 1.0F / 6.0F), hn::Set(d, 0.5F));
  return hn::Mul(x, at_most(d, at_least(d, gate, 0.0F), 1.0F));
}

NEURONS_UNARY(tanh, tanh(d, x))
NEURONS_UNARY(sigmoid, sigmoid(d, x))
NEURONS_UNARY(softplus, softplus(d, x))
NEURONS_UNARY(relu, hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), x))
NEURONS_UNARY(softsign, softsign(d, at_least(d, at_most(d, x, kLargest), -kLargest)))
NEURONS_UNARY(gelu_erf, gelu_erf(d, at_least(d, x, -kLargest)))
NEURONS_UNARY(gelu_tanh, gelu_tanh(d, at_least(d, x, -kLargest)))
NEURONS_UNARY(silu, silu(d, at_least(d, x, -kLargest)))
NEURONS_UNARY(mish, mish(d, at_least(d, x, -kLargest)))
NEURONS_UNARY(hard_swish, hard_swish(d, at_least(d, x, -kLargest)))

NEURONS_UNARY_WITH(SlopeOptions, leaky_relu, hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(x, hn::Set(d, options.alpha))))
NEURONS_UNARY_WITH(SlopeOptions, elu, hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(expm1(d, x), hn::Set(d, options.alpha))))
NEURONS_UNARY_WITH(SlopeOptions, celu,
                   hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x,
                                  hn::Mul(expm1(d, hn::Div(x, hn::Set(d, options.alpha))), hn::Set(d, options.alpha))))
NEURONS_UNARY_WITH(SeluOptions, selu,
                   hn::Mul(hn::Set(d, options.gamma),
                           hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(expm1(d, x), hn::Set(d, options.alpha)))))
NEURONS_UNARY_WITH(HardSigmoidOptions, hard_sigmoid,
                   at_most(d, at_least(d, hn::MulAdd(x, hn::Set(d, options.alpha), hn::Set(d, options.beta)), 0.0F), 1.0F))

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

NEURONS_TILE_FUNCTION(tanh)
NEURONS_TILE_FUNCTION(sigmoid)
NEURONS_TILE_FUNCTION(softplus)
NEURONS_TILE_FUNCTION(relu)
NEURONS_TILE_FUNCTION(softsign)
NEURONS_TILE_FUNCTION(gelu_erf)
NEURONS_TILE_FUNCTION(gelu_tanh)
NEURONS_TILE_FUNCTION(silu)
NEURONS_TILE_FUNCTION(mish)
NEURONS_TILE_FUNCTION(hard_swish)
NEURONS_TILE_FUNCTION(leaky_relu)
NEURONS_TILE_FUNCTION(elu)
NEURONS_TILE_FUNCTION(celu)
NEURONS_TILE_FUNCTION(selu)
NEURONS_TILE_FUNCTION(hard_sigmoid)

}  // namespace neurons::kernels
#endif  // HWY_ONCE
