// Arithmetic without transcendental functions.
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/elementwise_arithmetic.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/tile_functions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

NEURONS_UNARY(identity, x)
NEURONS_UNARY(negate, hn::Neg(x))
NEURONS_UNARY(absolute, hn::Abs(x))
NEURONS_UNARY(sign, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Set(d, -1.0F),
                                   hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Set(d, 1.0F), hn::Add(x, x))))
NEURONS_UNARY(reciprocal, hn::Div(hn::Set(d, 1.0F), x))
NEURONS_UNARY(square_root, hn::Sqrt(x))
NEURONS_UNARY(floor, hn::Floor(x))
NEURONS_UNARY(ceil, hn::Ceil(x))
NEURONS_UNARY(round, hn::Round(x))

NEURONS_BINARY(add, a, b, hn::Add(a, b))
NEURONS_BINARY(subtract, a, b, hn::Sub(a, b))
NEURONS_BINARY(multiply, a, b, hn::Mul(a, b))
NEURONS_BINARY(divide, a, b, hn::Div(a, b))
// A comparison with NaN is false: the first test keeps a NaN of b, the second one of a.
NEURONS_BINARY(minimum, a, b, hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::Lt(a, b), a, b)))
NEURONS_BINARY(maximum, a, b, hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::Gt(a, b), a, b)))
NEURONS_BINARY(prelu, x, slope, hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(x, slope)))

struct clip_formula {
  HWY_INLINE Vector operator()(Floats, Vector x, Vector low, Vector high) const {
    const Vector raised = hn::IfThenElse(hn::Lt(x, low), low, x);
    return hn::IfThenElse(hn::Gt(raised, high), high, raised);
  }
};
void clip_tile(const Tile& tile) { map(Outputs<float>(), Inputs<float, float, float>(), tile, clip_formula()); }

struct multiply_add_formula {
  HWY_INLINE Vector operator()(Floats, Vector x, Vector a, Vector b) const { return hn::MulAdd(x, a, b); }
};
void multiply_add_tile(const Tile& tile) { map(Outputs<float>(), Inputs<float, float, float>(), tile, multiply_add_formula()); }

struct weighted_pair_formula {
  HWY_INLINE Vector operator()(Floats, Vector x, Vector p, Vector y, Vector q, Vector r) const {
    return hn::MulAdd(x, p, hn::MulAdd(y, q, r));
  }
};
void weighted_pair_tile(const Tile& tile) {
  map(Outputs<float>(), Inputs<float, float, float, float, float>(), tile, weighted_pair_formula());
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

NEURONS_TILE_FUNCTION(identity)
NEURONS_TILE_FUNCTION(negate)
NEURONS_TILE_FUNCTION(absolute)
NEURONS_TILE_FUNCTION(sign)
NEURONS_TILE_FUNCTION(reciprocal)
NEURONS_TILE_FUNCTION(square_root)
NEURONS_TILE_FUNCTION(floor)
NEURONS_TILE_FUNCTION(ceil)
NEURONS_TILE_FUNCTION(round)
NEURONS_TILE_FUNCTION(add)
NEURONS_TILE_FUNCTION(subtract)
NEURONS_TILE_FUNCTION(multiply)
NEURONS_TILE_FUNCTION(divide)
NEURONS_TILE_FUNCTION(minimum)
NEURONS_TILE_FUNCTION(maximum)
NEURONS_TILE_FUNCTION(prelu)
NEURONS_TILE_FUNCTION(clip)
NEURONS_TILE_FUNCTION(multiply_add)
NEURONS_TILE_FUNCTION(weighted_pair)

}  // namespace neurons::kernels
#endif  // HWY_ONCE
