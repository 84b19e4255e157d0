#include "neurons/data/utf8.hpp"

#include <cstdint>

#include "neurons/base/error.hpp"

namespace neurons {

std::size_t character_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return byte(i) >> 6 == 2; };
  if (text.empty()) return 0;
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return follows(1) ? 2 : 0;
  if (first < 0xF0) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) >= 0xA0;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  const bool overlong = first == 0xF0 && byte(1) < 0x90;
  const bool beyond = first > 0xF4 || (first == 0xF4 && byte(1) >= 0x90);
  return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
}

void require_utf8(std::string_view text, const std::string& name) {
  std::int64_t line = 1;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == 0) fail_input("{}:{}: holds a NUL byte, so it is no text in UTF-8; save the file in UTF-8", name, line);
    const std::size_t length = character_length(text.substr(i));
    if (length == 0) fail_input("{}:{}: byte {:#04x} is not UTF-8; save the file in UTF-8", name, line, byte);
    if (byte == '\n') ++line;
    i += length;
  }
}

}  // namespace neurons
