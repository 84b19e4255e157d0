#pragma once
/// How samples are pictures.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "neurons/tensor/shape.hpp"

namespace neurons {

/// Wider or higher pictures are refused.
inline constexpr std::int64_t kMaxPictureSide = 16384;

struct PictureShape {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::size_t plane() const noexcept { return static_cast<std::size_t>(height * width); }
  std::size_t elements() const noexcept { return static_cast<std::size_t>(channels) * plane(); }
  bool operator==(const PictureShape&) const = default;
};

/// [channels, height, width], or [height, width] of one channel; none for other ranks and for what holds no pixel.
inline std::optional<PictureShape> picture_shape(const Shape& sample) {
  if (sample.elements() == 0) return std::nullopt;
  if (sample.rank() == 2) return PictureShape{1, sample[0], sample[1]};
  if (sample.rank() == 3) return PictureShape{sample[0], sample[1], sample[2]};
  return std::nullopt;
}

}  // namespace neurons
