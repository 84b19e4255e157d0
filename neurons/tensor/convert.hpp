#pragma once
/// One number as another type, with a defined result for every input; and from a DType to its C++ type.

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "neurons/tensor/dtype.hpp"

namespace neurons {

/// `value` as a To: floats lose their fraction and saturate on the way to integers, NaN becomes 0; integers keep their low bits on
/// the way to narrower ones; all but zero is true, NaN too.
template <typename To, typename From>
constexpr To convert(From value) noexcept {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{0};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    if (std::isnan(value)) return To{0};
    if (static_cast<double>(value) <= static_cast<double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (static_cast<double>(value) >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

/// What `function` returns for a null pointer of the dtype's C++ type.
template <typename Function>
auto with_type(DType dtype, Function function) {
  switch (dtype) {
    case DType::f64:
      return function(static_cast<double*>(nullptr));
    case DType::i32:
      return function(static_cast<std::int32_t*>(nullptr));
    case DType::i64:
      return function(static_cast<std::int64_t*>(nullptr));
    case DType::u8:
      return function(static_cast<std::uint8_t*>(nullptr));
    case DType::boolean:
      return function(static_cast<bool*>(nullptr));
    case DType::f32:
      break;
  }
  return function(static_cast<float*>(nullptr));
}

}  // namespace neurons
