#pragma once
/// The wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding), read in place and written: all that ONNX
/// files need of it.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace neurons::onnx {

/// How a field is stored.
enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// One field of a message.
struct Field {
  int number = 0;
  WireType type = WireType::varint;
  std::uint64_t value = 0;           ///< of a number: as it is stored
  std::span<const std::byte> bytes;  ///< of WireType::bytes: a text, a message or a packed list

  /// These throw InputError where the field is stored in another way.
  std::int64_t integer() const;
  float real() const;
  std::string_view text() const;
  std::span<const std::byte> message() const;
};

/// Walks through the fields of a message. Nothing is copied: what fields point to must outlive them.
class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> message) : rest_(message) {}
  /// The next field; false at the end. Throws InputError for a message that is cut short or no message.
  bool next(Field& field);
  bool done() const { return rest_.empty(); }
  /// A number of a packed list of varints.
  std::uint64_t varint();

 private:
  std::span<const std::byte> take(std::uint64_t bytes);
  std::span<const std::byte> rest_;
};

/// Calls visit(number) for each number of a repeated integer field, packed or not.
template <typename Visit>
void for_each_integer(const Field& field, Visit visit) {
  if (field.type != WireType::bytes) return visit(field.integer());
  WireReader list(field.bytes);
  while (!list.done()) visit(static_cast<std::int64_t>(list.varint()));
}

/// Appends fields to a message.
class WireWriter {
 public:
  void integer(int number, std::int64_t value);
  void real(int number, float value);
  void bytes(int number, std::string_view value);
  void bytes(int number, std::span<const std::byte> value);
  /// A field as it was read.
  void copy(const Field& field);
  void message(int number, const WireWriter& value) { bytes(number, value.bytes_); }
  const std::string& str() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  void key(int number, WireType type);
  void varint(std::uint64_t value);
  std::string bytes_;
};

}  // namespace neurons::onnx
