#pragma once
/// What pictures.cpp asks of libpng and libjpeg. Their errors arrive as InputError; their warnings are not printed.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "neurons/base/error.hpp"

namespace neurons {

struct PictureSize {
  std::int64_t channels = 0;  ///< 1 or 3
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::size_t bytes() const noexcept { return static_cast<std::size_t>(channels * height * width); }
  bool operator==(const PictureSize&) const = default;
};

/// A decoder of one format.
struct PictureDecoder {
  /// The picture begins with this format's signature.
  bool (*recognises)(std::span<const std::byte> bytes) noexcept;
  /// Its size, upright, from its header alone. Throws InputError if that is damaged, or promises more than so many bytes can hold.
  PictureSize (*size)(std::span<const std::byte> bytes, const std::string& name);
  /// All of it into out[channels, height, width].
  void (*decode)(std::span<const std::byte> bytes, const std::string& name, const PictureSize& size, std::uint8_t* out);
};

extern const PictureDecoder kPngDecoder;
extern const PictureDecoder kJpegDecoder;

/// Where the pixels of a file go in a plane: column x of row y to first + x · column + y · row.
struct PixelSteps {
  std::int64_t first = 0;
  std::int64_t column = 1;
  std::int64_t row = 0;
};

/// One row of `columns` pixels, their samples interleaved, to its places in the planes.
inline void put_row(const std::uint8_t* row, std::int64_t y, std::int64_t columns, const PictureSize& size, const PixelSteps& steps,
                    std::uint8_t* out) noexcept {
  for (std::int64_t channel = 0; channel < size.channels; ++channel) {
    std::uint8_t* to = out + channel * size.height * size.width + steps.first + y * steps.row;
    for (std::int64_t x = 0; x < columns; ++x) to[x * steps.column] = row[x * size.channels + channel];
  }
}

}  // namespace neurons
