#include "neurons/data/readers/exif.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace neurons {
namespace {

/// Numbers of a TIFF file (https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf), which an Exif marker holds.
struct Tiff {
  std::span<const std::byte> bytes;
  bool big_endian = false;

  bool has(std::size_t at, std::size_t count) const noexcept { return at <= bytes.size() && count <= bytes.size() - at; }
  /// Of 2 or 4 bytes, which are there.
  std::uint32_t number(std::size_t at, std::size_t count) const noexcept {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + (big_endian ? i : count - 1 - i)]);
    }
    return value;
  }
};

bool begins_with(std::span<const std::byte> bytes, std::string_view text) noexcept {
  return bytes.size() >= text.size() && std::ranges::equal(bytes.first(text.size()), std::as_bytes(std::span(text)));
}

}  // namespace

int exif_orientation(std::span<const std::byte> marker) noexcept {
  constexpr std::string_view kExif("Exif\0\0", 6);
  constexpr std::size_t kEntry = 12;  // bytes: tag, type, count, value
  constexpr std::uint32_t kOrientation = 274;
  constexpr std::uint32_t kShort = 3;
  if (!begins_with(marker, kExif)) return 0;
  Tiff tiff{marker.subspan(kExif.size())};
  tiff.big_endian = begins_with(tiff.bytes, std::string_view("MM\0*", 4));
  if (!tiff.big_endian && !begins_with(tiff.bytes, std::string_view("II*\0", 4))) return 0;
  if (!tiff.has(4, 4)) return 0;
  const std::size_t directory = tiff.number(4, 4);
  if (!tiff.has(directory, 2)) return 0;
  const std::size_t entries = tiff.number(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntry;
    if (!tiff.has(entry, kEntry)) return 0;
    if (tiff.number(entry, 2) != kOrientation) continue;
    const std::uint32_t value = tiff.number(entry + 8, 2);
    const bool valid = tiff.number(entry + 2, 2) == kShort && tiff.number(entry + 4, 4) == 1 && value >= 1 && value <= 8;
    return valid ? static_cast<int>(value) : 0;
  }
  return 0;
}

PixelSteps upright_steps(int orientation, const PictureSize& size) noexcept {
  const bool side = lies_on_side(orientation);
  // The standard says where the file's first row and first column are in the picture.
  const bool row_is_last = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;     // bottom or right
  const bool column_is_last = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;  // right or bottom
  PixelSteps steps{0, side ? size.width : 1, side ? 1 : size.width};
  const std::int64_t rows = side ? size.width : size.height;
  const std::int64_t columns = side ? size.height : size.width;
  if (row_is_last) {
    steps.first += (rows - 1) * steps.row;
    steps.row = -steps.row;
  }
  if (column_is_last) {
    steps.first += (columns - 1) * steps.column;
    steps.column = -steps.column;
  }
  return steps;
}

}  // namespace neurons
