#pragma once
/// Many small pictures on one, each with a caption.

#include <string>
#include <vector>

#include "neurons/tensor/tensor.hpp"

namespace neurons {

struct Colour {
  std::uint8_t red = 255, green = 255, blue = 255;
};

struct CaptionLine {
  std::string text;
  Colour colour = {};
};

struct Captioned {
  Tensor picture;  ///< u8 [1 or 3, height, width]
  std::vector<CaptionLine> caption;
};

/// u8 [3, height, width]: a title, and below it the pictures row by row, `columns` in each. Small ones are shown with square
/// pixels, large ones shrunk; a line of text that is too long ends in "~", and its letters
/// lose their accents. Throws InputError for what is no picture, and for none
/// at all.
Tensor contact_sheet(const std::string& title, const std::vector<Captioned>& pictures, std::int64_t columns = 6);

}  // namespace neurons
