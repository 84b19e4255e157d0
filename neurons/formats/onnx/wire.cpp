#include "neurons/formats/onnx/wire.hpp"

#include <bit>
#include <cstring>

#include "neurons/base/error.hpp"

namespace neurons::onnx {
namespace {

constexpr int kBitsOfByte = 7;  // of a varint
constexpr std::size_t kLongestVarint = 10;
static_assert(std::endian::native == std::endian::little, "the format is little-endian, and numbers are copied as they are");

[[noreturn]] void fail_type(const Field& field, std::string_view expected) {
  fail_input("field {} is stored as type {}, expected {}", field.number, static_cast<int>(field.type), expected);
}

}  // namespace

std::int64_t Field::integer() const {
  if (type != WireType::varint) fail_type(*this, "an integer");
  return static_cast<std::int64_t>(value);
}

float Field::real() const {
  if (type != WireType::fixed32) fail_type(*this, "a 32-bit number");
  return std::bit_cast<float>(static_cast<std::uint32_t>(value));
}

std::string_view Field::text() const {
  const auto found = message();
  return {reinterpret_cast<const char*>(found.data()), found.size()};
}

std::span<const std::byte> Field::message() const {
  if (type != WireType::bytes) fail_type(*this, "bytes");
  return bytes;
}

std::span<const std::byte> WireReader::take(std::uint64_t bytes) {
  if (bytes > rest_.size()) fail_input("is cut short: a field of {} bytes, {} are left", bytes, rest_.size());
  const auto taken = rest_.first(static_cast<std::size_t>(bytes));
  rest_ = rest_.subspan(taken.size());
  return taken;
}

std::uint64_t WireReader::varint() {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kLongestVarint; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(take(1)[0]);
    value |= (byte & 0x7FU) << (kBitsOfByte * i);
    if (byte < 0x80U) return value;
  }
  fail_input("holds an integer of more than {} bytes", kLongestVarint);
}

bool WireReader::next(Field& field) {
  if (rest_.empty()) return false;
  const std::uint64_t key = varint();
  if (key >> 3 == 0 || key >> 3 > 0x1FFFFFFFU) fail_input("holds a field of number {}", key >> 3);
  field = {static_cast<int>(key >> 3), static_cast<WireType>(key & 7U), 0, {}};
  switch (field.type) {
    case WireType::varint:
      field.value = varint();
      break;
    case WireType::fixed64:
      std::memcpy(&field.value, take(8).data(), 8);
      break;
    case WireType::bytes:
      field.bytes = take(varint());
      break;
    case WireType::fixed32:
      std::memcpy(&field.value, take(4).data(), 4);
      break;
    default:
      fail_input("holds a field of type {}, which there is not", key & 7U);
  }
  return true;
}

void WireWriter::varint(std::uint64_t value) {
  for (; value >= 0x80U; value >>= kBitsOfByte) bytes_.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
  bytes_.push_back(static_cast<char>(value));
}

void WireWriter::key(int number, WireType type) {
  varint(static_cast<std::uint64_t>(number) << 3 | static_cast<std::uint64_t>(type));
}

void WireWriter::integer(int number, std::int64_t value) {
  key(number, WireType::varint);
  varint(static_cast<std::uint64_t>(value));
}

void WireWriter::real(int number, float value) {
  key(number, WireType::fixed32);
  const auto bits = std::bit_cast<std::uint32_t>(value);
  bytes_.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
}

void WireWriter::copy(const Field& field) {
  const auto fixed = [&](std::size_t size) { bytes_.append(reinterpret_cast<const char*>(&field.value), size); };
  if (field.type == WireType::bytes) return bytes(field.number, field.bytes);
  key(field.number, field.type);
  if (field.type == WireType::varint) varint(field.value);
  if (field.type == WireType::fixed64) fixed(8);
  if (field.type == WireType::fixed32) fixed(4);
}

void WireWriter::bytes(int number, std::string_view value) {
  key(number, WireType::bytes);
  varint(value.size());
  bytes_.append(value);
}

void WireWriter::bytes(int number, std::span<const std::byte> value) {
  bytes(number, std::string_view(reinterpret_cast<const char*>(value.data()), value.size()));
}

}  // namespace neurons::onnx
