// Exponential, logarithm, error function, sine, cosine, power.
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/elementwise_transcendental.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/maths-inl.h"
#include "neurons/kernels/tile_functions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Above this the scalar library takes over from the vector reduction modulo π/2.
constexpr float kLargestAngle = 1e5F;

/// sin(x + quarter·π/2) for |x| ≤ kLargestAngle. x = n·π/2 + r; the first part of π/2 has 33 bits, so that n times it is exact.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sine_in_double(D d, V x, double quarter) {
  const V n = hn::Round(hn::Mul(x, hn::Set(d, 0.63661977236758134308)));
  const V r = hn::NegMulAdd(n, hn::Set(d, 6.07710050630396597660e-11), hn::NegMulAdd(n, hn::Set(d, 0x1.921fb544p0), x));
  const V r2 = hn::Mul(r, r);
  const auto series = [&](double c1, double c2, double c3, double c4, double c5) HWY_ATTR {
    V sum = hn::Set(d, c5);
    for (const double c : {c4, c3, c2, c1, 1.0}) sum = hn::MulAdd(sum, r2, hn::Set(d, c));
    return sum;
  };
  const V sine = hn::Mul(r, series(-1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800));
  const V cosine = series(-1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800);
  const V turns = hn::Add(n, hn::Set(d, quarter));
  const V quadrant = hn::NegMulAdd(hn::Set(d, 4.0), hn::Floor(hn::Mul(turns, hn::Set(d, 0.25))), turns);
  const auto odd = hn::Or(hn::Eq(quadrant, hn::Set(d, 1.0)), hn::Eq(quadrant, hn::Set(d, 3.0)));
  const V y = hn::IfThenElse(odd, cosine, sine);
  return hn::IfThenElse(hn::Ge(quadrant, hn::Set(d, 2.0)), hn::Neg(y), y);
}

/// Replaces the lanes of y whose x is beyond kLargestAngle by what `exact` gives.
template <class Exact>
HWY_INLINE Vector with_large_angles(Floats d, Vector x, Vector y, Exact exact) {
  const auto large = hn::Gt(hn::Abs(x), hn::Set(d, kLargestAngle));
  if (HWY_LIKELY(hn::AllFalse(d, large))) return y;
  alignas(64) float lanes[hn::MaxLanes(Floats())];
  hn::Store(x, d, lanes);
  for (float& lane : lanes) lane = exact(lane);
  return hn::IfThenElse(large, hn::Load(d, lanes), y);
}

HWY_INLINE Vector sine_of(Floats d, Vector x, double quarter) {
  const hn::Half<Floats> half;
  const hn::Rebind<double, hn::Half<Floats>> wide;
  const auto low = sine_in_double(wide, hn::PromoteTo(wide, hn::LowerHalf(half, x)), quarter);
  const auto high = sine_in_double(wide, hn::PromoteTo(wide, hn::UpperHalf(half, x)), quarter);
  return hn::Combine(d, hn::DemoteTo(half, high), hn::DemoteTo(half, low));
}

NEURONS_UNARY(exponential, exp(d, x))
NEURONS_UNARY(logarithm, log(d, x))
NEURONS_UNARY(error_function, erf(d, x))
NEURONS_UNARY(sine, with_large_angles(d, x, sine_of(d, x, 0.0), [](float lane) { return std::sin(lane); }))
NEURONS_UNARY(cosine, with_large_angles(d, x, sine_of(d, x, 1.0), [](float lane) { return std::cos(lane); }))

struct power_formula {
  HWY_INLINE Vector operator()(Floats d, Vector base, Vector exponent) const {
    alignas(64) float bases[hn::MaxLanes(Floats())];
    alignas(64) float exponents[hn::MaxLanes(Floats())];
    hn::Store(base, d, bases);
    hn::Store(exponent, d, exponents);
    for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) bases[lane] = std::pow(bases[lane], exponents[lane]);
    return hn::Load(d, bases);
  }
};
NEURONS_UNARY(square, hn::Mul(x, x))
NEURONS_UNARY(cube, hn::Mul(hn::Mul(x, x), x))
NEURONS_UNARY(inverse, hn::Div(hn::Set(d, 1.0F), x))
/// x^0.5 is +0 at -0 and infinite at -inf, where the square root is -0 and NaN.
NEURONS_UNARY(root, hn::IfThenElse(hn::Eq(hn::Abs(x), hn::Set(d, HUGE_VALF)), hn::Abs(x), hn::Sqrt(hn::Add(x, hn::Zero(d)))))

/// Exponents that are one number for the whole tile and have a short formula are squared, rooted, … as vectors.
void power_tile(const Tile& tile) {
  const Stream& exponent = tile.streams[1];
  if (exponent.row_stride == 0 && exponent.column_stride == 0 && tile.rows > 0 && tile.columns > 0) {
    Tile unary = tile;
    unary.streams[1] = tile.streams[2];
    const float value = at<float>(exponent, 0, 0);
    if (value == 2.0F) return square_tile(unary);
    if (value == 3.0F) return cube_tile(unary);
    if (value == 0.5F) return root_tile(unary);
    if (value == -1.0F) return inverse_tile(unary);
  }
  map_binary(tile, power_formula());
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

NEURONS_TILE_FUNCTION(exponential)
NEURONS_TILE_FUNCTION(logarithm)
NEURONS_TILE_FUNCTION(error_function)
NEURONS_TILE_FUNCTION(sine)
NEURONS_TILE_FUNCTION(cosine)
NEURONS_TILE_FUNCTION(power)

}  // namespace neurons::kernels
#endif  // HWY_ONCE
