#pragma once
/// Element types.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace neurons {

enum class DType : std::uint8_t { f32, f64, i32, i64, u8, boolean };

/// Bytes of one element.
constexpr std::size_t size_of(DType type) noexcept {
  constexpr std::size_t kSizes[] = {4, 8, 4, 8, 1, 1};
  return kSizes[static_cast<std::size_t>(type)];
}

/// "f32", "f64", "i32", "i64", "u8", "bool".
constexpr std::string_view name_of(DType type) noexcept {
  constexpr std::string_view kNames[] = {"f32", "f64", "i32", "i64", "u8", "bool"};
  return kNames[static_cast<std::size_t>(type)];
}

/// The DType of a C++ type: `dtype_of<float>() == DType::f32`.
template <typename T>
constexpr DType dtype_of() noexcept;
template <>
constexpr DType dtype_of<float>() noexcept {
  return DType::f32;
}
template <>
constexpr DType dtype_of<double>() noexcept {
  return DType::f64;
}
template <>
constexpr DType dtype_of<std::int32_t>() noexcept {
  return DType::i32;
}
template <>
constexpr DType dtype_of<std::int64_t>() noexcept {
  return DType::i64;
}
template <>
constexpr DType dtype_of<std::uint8_t>() noexcept {
  return DType::u8;
}
template <>
constexpr DType dtype_of<bool>() noexcept {
  return DType::boolean;
}

}  // namespace neurons
