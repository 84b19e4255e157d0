#include "neurons/data/readers/npy_types.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "neurons/tensor/narrow_floats.hpp"

namespace neurons {
namespace {

constexpr NpyType kNpyTypes[] = {{"f2", "f16", 2, DType::f32}, {"f4", "f32", 4, DType::f32}, {"f8", "f64", 8, DType::f64},
                                 {"i1", "i8", 1, DType::i32},  {"i2", "i16", 2, DType::i32}, {"i4", "i32", 4, DType::i32},
                                 {"i8", "i64", 8, DType::i64}, {"u1", "u8", 1, DType::u8},   {"u2", "u16", 2, DType::i32},
                                 {"u4", "u32", 4, DType::i64}, {"u8", "u64", 8, DType::i64}, {"b1", "bool", 1, DType::boolean}};

/// A whole number of `bytes` bytes, whose highest bit may be a sign.
std::int64_t whole_number(std::uint64_t bits, std::size_t bytes, bool is_signed) {
  const std::size_t above = 64 - 8 * bytes;
  return is_signed ? static_cast<std::int64_t>(bits << above) >> above : static_cast<std::int64_t>(bits);
}

template <typename To>
void fill(const NpyType& type, std::span<const std::byte> from, std::span<To> into) {
  if (type.bytes == sizeof(To) && !type.big_endian) {
    if (!from.empty()) std::memcpy(into.data(), from.data(), from.size());
    return;
  }
  const bool is_half = type.code == "f2";
  const bool is_signed = type.code.front() == 'i';
  const std::byte* at = from.data();
  for (To& value : into) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, at, type.bytes);
    if (type.big_endian) bits = __builtin_bswap64(bits) >> (64 - 8 * type.bytes);
    at += type.bytes;
    if (type.bytes == sizeof(To)) {
      std::memcpy(&value, &bits, sizeof(To));
    } else {
      value = is_half ? static_cast<To>(from_half(static_cast<std::uint16_t>(bits)))
                      : static_cast<To>(whole_number(bits, type.bytes, is_signed));
    }
  }
}

}  // namespace

NpyType npy_type(std::string_view code, const std::string& name) {
  for (NpyType type : kNpyTypes) {
    if (code.size() != 3 || code.substr(1) != type.code) continue;
    type.big_endian = code.front() == '>';
    if (type.big_endian || code.front() == '<' || (code.front() == '|' && type.bytes == 1)) return type;
  }
  std::vector<std::string_view> known;
  for (const NpyType& type : kNpyTypes) known.push_back(type.code);
  std::string shown;
  for (const char c : code.substr(0, 20)) shown.push_back(c >= ' ' && c <= '~' ? c : '.');
  fail_input("{}: its elements are of type \"{}\", expected one of {}, with < or > in front; convert them before saving", name,
             shown, fmt::join(known, ", "));
}

std::string npy_code(DType dtype) {
  const auto type = std::ranges::find(kNpyTypes, name_of(dtype), &NpyType::name);
  return fmt::format("{}{}", type->bytes == 1 ? '|' : '<', type->code);
}

void convert_npy(const NpyType& type, std::span<const std::byte> from, Tensor& into, const std::string& name) {
  switch (into.dtype()) {
    case DType::f32:
      return fill(type, from, into.values<float>());
    case DType::f64:
      return fill(type, from, into.values<double>());
    case DType::i32:
      return fill(type, from, into.values<std::int32_t>());
    case DType::i64:
      return fill(type, from, into.values<std::int64_t>());
    case DType::u8:
      return fill(type, from, into.values<std::uint8_t>());
    case DType::boolean:
      const auto bad = std::ranges::find_if(from, [](std::byte value) { return value > std::byte{1}; });
      if (bad != from.end()) fail_input("{}: a truth value is stored as {}, expected 0 or 1", name, std::to_integer<int>(*bad));
      return fill(type, from, into.values<bool>());
  }
}

void require_held(const NpyType& type, const Tensor& tensor, const std::string& name) {
  if (type.code != "u8") return;
  const auto values = tensor.values<std::int64_t>();
  const auto bad = std::ranges::find_if(values, [](std::int64_t value) { return value < 0; });
  if (bad == values.end()) return;
  std::vector<std::int64_t> place;
  std::int64_t rest = bad - values.begin();
  const auto strides = tensor.shape().strides();  // longer than the rank
  for (const std::int64_t stride : std::span(strides).first(static_cast<std::size_t>(tensor.shape().rank()))) {
    place.push_back(rest / stride);
    rest %= stride;
  }
  fail_input("{}: {} is {}, but whole numbers can be at most {}; save the array as int64 or float64", name,
             place.empty() ? "its only number" : fmt::format("element [{}] (from 0)", fmt::join(place, ", ")),
             static_cast<std::uint64_t>(*bad), std::numeric_limits<std::int64_t>::max());
}

}  // namespace neurons
