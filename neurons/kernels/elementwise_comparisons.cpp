// Comparisons, selection and conversions: the operations with booleans or bytes among their streams.
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/elementwise_comparisons.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstdint>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/tile_functions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Booleans are the floats 0 and 1 in registers.
#define NEURONS_COMPARISON(name, Compare)                              \
  struct name##_formula {                                              \
    HWY_INLINE Vector operator()(Floats d, Vector a, Vector b) const { \
      return hn::IfThenElseZero(hn::Compare(a, b), hn::Set(d, 1.0F));  \
    }                                                                  \
  };                                                                   \
  void name##_tile(const Tile& tile) { map(Outputs<std::uint8_t>(), Inputs<float, float>(), tile, name##_formula()); }

NEURONS_COMPARISON(equal, Eq)
NEURONS_COMPARISON(less, Lt)
NEURONS_COMPARISON(less_or_equal, Le)
NEURONS_COMPARISON(greater, Gt)
NEURONS_COMPARISON(greater_or_equal, Ge)
#undef NEURONS_COMPARISON

struct where_formula {
  HWY_INLINE Vector operator()(Floats d, Vector condition, Vector a, Vector b) const {
    return hn::IfThenElse(hn::Ne(condition, hn::Zero(d)), a, b);
  }
};
void where_tile(const Tile& tile) { map(Outputs<float>(), Inputs<std::uint8_t, float, float>(), tile, where_formula()); }

struct convert_formula {
  HWY_INLINE Vector operator()(Floats, Vector x) const { return x; }
};
void boolean_to_float_tile(const Tile& tile) { map(Outputs<float>(), Inputs<std::uint8_t>(), tile, convert_formula()); }
void byte_to_float_tile(const Tile& tile) { map(Outputs<float>(), Inputs<std::uint8_t>(), tile, convert_formula()); }

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

NEURONS_TILE_FUNCTION(equal)
NEURONS_TILE_FUNCTION(less)
NEURONS_TILE_FUNCTION(less_or_equal)
NEURONS_TILE_FUNCTION(greater)
NEURONS_TILE_FUNCTION(greater_or_equal)
NEURONS_TILE_FUNCTION(where)
NEURONS_TILE_FUNCTION(boolean_to_float)
NEURONS_TILE_FUNCTION(byte_to_float)

}  // namespace neurons::kernels
#endif  // HWY_ONCE
