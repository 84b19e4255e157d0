#pragma once
/// Text in UTF-8 (RFC 3629), character by character.

#include <cstddef>
#include <string>
#include <string_view>

namespace neurons {

/// Bytes of the character at the front of `text`, 0 if there is none or it is malformed.
std::size_t character_length(std::string_view text) noexcept;

/// Throws InputError naming file and line for the first byte that is no UTF-8, and for NUL bytes, which no text has.
void require_utf8(std::string_view text, const std::string& name);

}  // namespace neurons
