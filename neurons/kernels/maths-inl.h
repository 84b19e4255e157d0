// Elementary functions of float vectors. Compiled once per target. The polynomials were fitted at Chebyshev nodes for the intervals
// named beside them. Constants of comparisons are chosen so that NaN falls through to the result.

#if defined(NEURONS_KERNELS_MATHS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_MATHS_INL_H_
#undef NEURONS_KERNELS_MATHS_INL_H_
#else
#define NEURONS_KERNELS_MATHS_INL_H_
#endif

#include <cmath>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Integers = hn::RebindToSigned<D>;

/// max(x, low) and min(x, high), but NaN where x is NaN on every target.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V at_least(D d, V x, float low) {
  const V bound = hn::Set(d, low);
  return hn::IfThenElse(hn::Lt(x, bound), bound, x);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V at_most(D d, V x, float high) {
  const V bound = hn::Set(d, high);
  return hn::IfThenElse(hn::Gt(x, bound), bound, x);
}

/// c0 + x·(c1 + x·(c2 + …)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V polynomial(D d, V, float last) {
  return hn::Set(d, last);
}
template <class D, class V = hn::Vec<D>, typename... Rest>
HWY_INLINE V polynomial(D d, V x, float first, Rest... rest) {
  return hn::MulAdd(polynomial(d, x, rest...), x, hn::Set(d, first));
}

/// 2^exponent for exponents in [-127, 128]; -127 gives 0, 128 infinity.
template <class D>
HWY_INLINE hn::Vec<D> power_of_two(D d, hn::Vec<Integers<D>> exponent) {
  const Integers<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(exponent, hn::Set(di, 127))));
}

/// x = exponent · ln 2 + r with |r| ≤ ln(2)/2, and expm1(r).
template <class D>
struct ReducedExponential {
  hn::Vec<Integers<D>> exponent;
  hn::Vec<D> expm1;
};
template <class D, class V = hn::Vec<D>>
HWY_INLINE ReducedExponential<D> reduce_exponential(D d, V x) {
  const Integers<D> di;
  // Adding 1.5·2^23 leaves the rounded integer in the low bits. The first part of ln 2 has 9 bits: its products are exact.
  const V shifter = hn::Set(d, 0x1.8p23F);
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504F), shifter);
  const V n = hn::Sub(shifted, shifter);
  const V r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), hn::NegMulAdd(n, hn::Set(d, 0.693359375F), x));
  const V p = polynomial(d, r, 0.5F, 0.16666667F, 0.041666463F, 0.0083333105F, 0.0013933881F, 0.00019891247F);
  return {hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, shifter)), hn::MulAdd(hn::Mul(r, r), p, r)};
}

/// e^x, ≤ 2 ulp, denormal results included.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp(D d, V x) {
  const auto reduced = reduce_exponential(d, at_most(d, at_least(d, x, -104.0F), 89.0F));
  const auto half = hn::ShiftRight<1>(reduced.exponent);
  const V y = hn::Add(reduced.expm1, hn::Set(d, 1.0F));
  return hn::Mul(hn::Mul(y, power_of_two(d, half)), power_of_two(d, hn::Sub(reduced.exponent, half)));
}

/// e^x for x ≤ 0, cheaper: what would be denormal is 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_of_nonpositive(D d, V x) {
  const auto reduced = reduce_exponential(d, x);
  const V y = hn::Mul(hn::Add(reduced.expm1, hn::Set(d, 1.0F)), power_of_two(d, reduced.exponent));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.3365F)), y);
}

/// e^x - 1, accurate near 0: 2·(2^(n-1)·expm1(r) + (2^(n-1) - 1/2)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V expm1(D d, V x) {
  const auto reduced = reduce_exponential(d, at_most(d, at_least(d, x, -40.0F), 89.0F));
  const V scale = power_of_two(d, hn::Sub(reduced.exponent, hn::Set(Integers<D>(), 1)));
  const V y = hn::MulAdd(reduced.expm1, scale, hn::Sub(scale, hn::Set(d, 0.5F)));
  return hn::Add(y, y);
}

/// log of positive, normal, finite numbers: x = 2^n · (1 + f), sqrt(1/2) ≤ 1 + f < sqrt(2).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log_of_normal(D d, V x, V exponent_offset) {
  const Integers<D> di;
  const auto bits = hn::BitCast(di, x);
  const auto exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3F3504F3)));
  const V f = hn::Sub(hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent))), hn::Set(d, 1.0F));
  const V n = hn::Add(hn::ConvertTo(d, exponent), exponent_offset);
  const V p = polynomial(d, f, 0.33333331F, -0.24999997F, 0.20000717F, -0.16667809F, 0.14249009F, -0.12425487F, 0.11685719F,
                         -0.11481477F, 0.06973070F);
  const V f2 = hn::Mul(f, f);
  const V tail = hn::MulAdd(hn::Mul(f2, f), p, hn::Mul(n, hn::Set(d, -2.12194440e-4F)));
  const V y = hn::Add(hn::NegMulAdd(f2, hn::Set(d, 0.5F), tail), f);
  return hn::MulAdd(n, hn::Set(d, 0.693359375F), y);
}

/// ln x, ≤ 2 ulp; log(0) = -inf, log(<0) = NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log(D d, V x) {
  const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  const auto denormal = hn::Lt(x, hn::Set(d, std::numeric_limits<float>::min()));
  const V scaled = hn::IfThenElse(denormal, hn::Mul(x, hn::Set(d, 0x1p23F)), x);
  V y = log_of_normal(d, scaled, hn::IfThenElseZero(denormal, hn::Set(d, -23.0F)));
  y = hn::IfThenElse(hn::Lt(x, infinity), y, x);
  y = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), y);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Set(d, std::numeric_limits<float>::quiet_NaN()), y);
}

/// log(1 + y) for y in [0, 1] (NaN for NaN): the log of the rounded sum, corrected by what the rounding lost.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log1p_of_unit(D d, V y) {
  const V one = hn::Set(d, 1.0F);
  const V sum = hn::Add(one, y);
  const V lost = hn::Sub(y, hn::Sub(sum, one));
  return hn::Add(log_of_normal(d, sum, hn::Zero(d)), hn::Div(lost, sum));
}

/// tanh |x| = expm1(2|x|) / (expm1(2|x|) + 2), ≤ 3 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh(D d, V x) {
  const V magnitude = at_most(d, hn::Abs(x), 10.0F);
  const V e = expm1(d, hn::Add(magnitude, magnitude));
  return hn::CopySignToAbs(hn::Div(e, hn::Add(e, hn::Set(d, 2.0F))), x);
}

/// 1 / (1 + e^-x) from z = e^-|x|: no overflow, and small values keep their relative accuracy. ≤ 3 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0F);
  const V z = exp(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), z, one), hn::Add(one, z));
}

/// log(1 + e^x) = max(x, 0) + log1p(e^-|x|).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V softplus(D d, V x) {
  return hn::Add(at_least(d, x, 0.0F), log1p_of_unit(d, exp(d, hn::Neg(hn::Abs(x)))));
}

/// erf |x| = -expm1(log(erfc |x|)), and log(erfc t) / t is a smooth function of t, here a polynomial for t in [0, 3.92].
template <class D, class V = hn::Vec<D>>
HWY_INLINE V erf(D d, V x) {
  const V t = at_most(d, hn::Abs(x), 4.1F);
  const V q = polynomial(d, t, 1.12837923F, 0.63661981F, 0.10277127F, -0.01911386F, -0.00027171576F, 0.0018369230F, -0.00078047037F,
                         0.00019135888F, -2.9490327e-05F, 2.6528594e-06F, -1.0641808e-07F);
  return hn::CopySign(expm1(d, hn::Neg(hn::Mul(t, q))), x);
}

/// The standard normal distribution at x: its integral up to there, and e^(-x²/2), its density times √(2π).
template <class D>
struct NormalDistribution {
  hn::Vec<D> integral, bell;
};
/// The integral up to -|x| is e^(-x²/2) times a smooth function of |x|, here u times a polynomial in u = 1 / (1 + 0.3·|x|), |x|
/// ≤ 13.
template <class D, class V = hn::Vec<D>>
HWY_INLINE NormalDistribution<D> normal_distribution(D d, V x) {
  const V one = hn::Set(d, 1.0F);
  const V bell = exp_of_nonpositive(d, hn::Mul(hn::Mul(x, x), hn::Set(d, -0.5F)));
  const V u = hn::Div(one, hn::MulAdd(hn::Abs(x), hn::Set(d, 0.3F), one));
  const V p =
      polynomial(d, u, 0.11962453F, 0.12082654F, 0.099463710F, 0.13003690F, -0.056457835F, 0.20935439F, -0.15893813F, 0.036089832F);
  const V tail = hn::Mul(hn::Mul(bell, u), p);
  return {hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(one, tail)), bell};
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_MATHS_INL_H_
