#pragma once
/// Letters for captions under pictures: 5×7 pixels each.

#include <cstdint>
#include <string_view>

namespace neurons {

inline constexpr std::int64_t kGlyphWidth = 5;
inline constexpr std::int64_t kGlyphHeight = 7;

/// Whether pixel (x, y) of a character is drawn; what is no printable ASCII is a box.
bool is_ink(char character, std::int64_t x, std::int64_t y) noexcept;

}  // namespace neurons
