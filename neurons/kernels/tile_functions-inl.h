// Tables of tile functions: one line an operation, its formula in vectors. Compiled once per target.
//
//   NEURONS_UNARY(negate, hn::Neg(x))          defines negate_tile(tile) for this target
//   NEURONS_TILE_FUNCTION(negate)              (once) defines neurons::kernels::negate, which calls the best target's copy

#if defined(NEURONS_KERNELS_TILE_FUNCTIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_TILE_FUNCTIONS_INL_H_
#undef NEURONS_KERNELS_TILE_FUNCTIONS_INL_H_
#else
#define NEURONS_KERNELS_TILE_FUNCTIONS_INL_H_
#endif

#include "neurons/kernels/map-inl.h"

#ifndef NEURONS_TILE_FUNCTION

/// y from x.
#define NEURONS_UNARY(name, ...)                                                                    \
  struct name##_formula {                                                                           \
    HWY_INLINE Vector operator()([[maybe_unused]] Floats d, Vector x) const { return __VA_ARGS__; } \
  };                                                                                                \
  void name##_tile(const Tile& tile) { map_unary(tile, name##_formula()); }

/// y from x and `options`, of the type Options.
#define NEURONS_UNARY_WITH(Options, name, ...)                                                      \
  struct name##_formula {                                                                           \
    Options options;                                                                                \
    HWY_INLINE Vector operator()([[maybe_unused]] Floats d, Vector x) const { return __VA_ARGS__; } \
  };                                                                                                \
  void name##_tile(const Tile& tile) { map_unary(tile, name##_formula{options_of<Options>(tile)}); }

/// y from the inputs named `first` and `second`.
#define NEURONS_BINARY(name, first, second, ...)                                                                       \
  struct name##_formula {                                                                                              \
    HWY_INLINE Vector operator()([[maybe_unused]] Floats d, Vector first, Vector second) const { return __VA_ARGS__; } \
  };                                                                                                                   \
  void name##_tile(const Tile& tile) { map_binary(tile, name##_formula()); }

#define NEURONS_BINARY_WITH(Options, name, first, second, ...)                                                         \
  struct name##_formula {                                                                                              \
    Options options;                                                                                                   \
    HWY_INLINE Vector operator()([[maybe_unused]] Floats d, Vector first, Vector second) const { return __VA_ARGS__; } \
  };                                                                                                                   \
  void name##_tile(const Tile& tile) { map_binary(tile, name##_formula{options_of<Options>(tile)}); }

#define NEURONS_TILE_FUNCTION(name) \
  HWY_EXPORT(name##_tile);          \
  void name(const Tile& tile) noexcept { HWY_DYNAMIC_DISPATCH(name##_tile)(tile); }

#endif  // NEURONS_TILE_FUNCTION

#endif  // NEURONS_KERNELS_TILE_FUNCTIONS_INL_H_
