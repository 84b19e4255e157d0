#pragma once
/// Which way up a picture was taken: the orientation that cameras note in the Exif part of a JPEG (CIPA DC-008, tag 274).

#include <cstddef>
#include <span>

#include "neurons/data/readers/picture_decoders.hpp"

namespace neurons {

/// 1 (as it lies) to 8, from what an APP1 marker holds; 0 where that tells of none: it is no Exif, or damaged.
int exif_orientation(std::span<const std::byte> marker) noexcept;

/// The orientations from 5 on lie on their side: rows of the file are columns of the picture.
constexpr bool lies_on_side(int orientation) noexcept { return orientation >= 5; }

/// Where the file's pixels are in the picture, whose size, upright, is `size`.
PixelSteps upright_steps(int orientation, const PictureSize& size) noexcept;

}  // namespace neurons
