#include "neurons/data/contact_sheet.hpp"

#include <algorithm>
#include <utility>

#include "neurons/data/font.hpp"
#include "neurons/data/picture_options.hpp"
#include "neurons/data/utf8.hpp"

namespace neurons {
namespace {

/// What the font has in place of a text's characters, one for each: letters of Latin-1 without their accents, a box for all others.
std::string drawable(std::string_view text) {
  constexpr std::string_view kLatin = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYPsaaaaaaaceeeeiiiidnooooo/ouuuuypy";  // from U+00C0 on
  constexpr char kBox = '\x7F';
  std::string drawn;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, character_length(text));
    const auto lead = static_cast<unsigned char>(text[0]);
    const unsigned char next = length == 2 ? static_cast<unsigned char>(text[1]) : 0;
    const bool is_accent = length == 2 && (lead == 0xCC || (lead == 0xCD && next < 0xB0));  // U+0300 to U+036F: over the last one
    if (length == 1) {
      drawn += text[0];
    } else if (lead == 0xC3) {
      drawn += kLatin[next - 0x80U];
    } else if (!is_accent) {
      drawn += kBox;
    }
    text.remove_prefix(length);
  }
  return drawn;
}

constexpr std::int64_t kCell = 168;     ///< pixels from one picture to the next
constexpr std::int64_t kPicture = 144;  ///< longest side of one, at most
constexpr std::int64_t kMargin = 12;
constexpr std::int64_t kTextScale = 2;  ///< pixels of a pixel of a letter
constexpr std::int64_t kLetter = (kGlyphWidth + 1) * kTextScale;
constexpr std::int64_t kLine = (kGlyphHeight + 2) * kTextScale;
constexpr std::uint8_t kPaper = 24;

class Sheet {
 public:
  Sheet(std::int64_t height, std::int64_t width) : pixels_(DType::u8, {3, height, width}), height_(height), width_(width) {
    std::ranges::fill(pixels_.values<std::uint8_t>(), kPaper);
  }

  void put(std::int64_t x, std::int64_t y, const Colour& colour) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
    const auto values = pixels_.values<std::uint8_t>();
    const auto plane = static_cast<std::size_t>(height_ * width_);
    const auto at = static_cast<std::size_t>(y * width_ + x);
    values[at] = colour.red;
    values[plane + at] = colour.green;
    values[2 * plane + at] = colour.blue;
  }

  /// The text from (x, y) on, cut to `room` pixels.
  void write(const std::string& characters, std::int64_t x, std::int64_t y, std::int64_t room, const Colour& colour) {
    std::string text = drawable(characters);
    const auto most = static_cast<std::size_t>(std::max<std::int64_t>(1, room / kLetter));
    if (text.size() > most) text = text.substr(0, most - 1) + "~";
    for (const char character : text) {
      for (std::int64_t dy = 0; dy < kGlyphHeight * kTextScale; ++dy) {
        for (std::int64_t dx = 0; dx < kGlyphWidth * kTextScale; ++dx) {
          if (is_ink(character, dx / kTextScale, dy / kTextScale)) put(x + dx, y + dy, colour);
        }
      }
      x += kLetter;
    }
  }

  /// A picture whose upper left corner is (x, y), in a square of kPicture pixels.
  void show(const Tensor& picture, std::int64_t x, std::int64_t y) {
    const PictureShape shape = *picture_shape(picture.shape());
    const std::int64_t longest = std::max(shape.height, shape.width);
    const std::int64_t zoom = std::max<std::int64_t>(1, kPicture / longest);
    Tensor shown = picture;
    if (longest > kPicture) {
      const PictureShape smaller{shape.channels, std::max<std::int64_t>(1, shape.height * kPicture / longest),
                                 std::max<std::int64_t>(1, shape.width * kPicture / longest)};
      shown = Tensor(DType::u8, {smaller.channels, smaller.height, smaller.width});
      prepare_picture(view_of(picture), smaller, {}, shown.values<std::uint8_t>());
    }
    const auto values = std::as_const(shown).values<std::uint8_t>();
    const std::int64_t height = shown.shape()[1];
    const std::int64_t width = shown.shape()[2];
    const auto plane = static_cast<std::size_t>(shape.channels == 3 ? height * width : 0);
    for (std::int64_t dy = 0; dy < height * zoom; ++dy) {
      for (std::int64_t dx = 0; dx < width * zoom; ++dx) {
        const auto at = static_cast<std::size_t>(dy / zoom * width + dx / zoom);
        put(x + dx, y + dy, {values[at], values[plane + at], values[2 * plane + at]});
      }
    }
  }

  Tensor finish() && { return std::move(pixels_); }

 private:
  Tensor pixels_;
  std::int64_t height_;
  std::int64_t width_;
};

}  // namespace

Tensor contact_sheet(const std::string& title, const std::vector<Captioned>& pictures, std::int64_t columns) {
  if (pictures.empty()) fail_input("contact sheet: there is no picture to show");
  if (columns < 1) fail_input("contact sheet: {} columns, expected at least 1", columns);
  std::size_t lines = 0;
  for (const Captioned& one : pictures) {
    view_of(one.picture);  // throws for what is no picture
    lines = std::max(lines, one.caption.size());
  }
  const auto count = static_cast<std::int64_t>(pictures.size());
  const std::int64_t across = std::min(columns, count);
  const std::int64_t down = (count + across - 1) / across;
  const std::int64_t row = kPicture + kMargin + kLine * static_cast<std::int64_t>(lines) + kMargin;
  const std::int64_t top = kMargin + kLine + kMargin;
  const std::int64_t width =
      std::max(2 * kMargin + across * kCell, 2 * kMargin + static_cast<std::int64_t>(drawable(title).size()) * kLetter);
  Sheet sheet(top + down * row, width);
  sheet.write(title, kMargin, kMargin, width - kMargin, {});
  for (std::int64_t i = 0; i < count; ++i) {
    const Captioned& one = pictures[static_cast<std::size_t>(i)];
    const std::int64_t x = kMargin + i % across * kCell;
    std::int64_t y = top + i / across * row;
    sheet.show(one.picture, x, y);
    y += kPicture + kMargin / 2;
    for (const CaptionLine& line : one.caption) {
      sheet.write(line.text, x, y, kCell - kTextScale * 2, line.colour);
      y += kLine;
    }
  }
  return std::move(sheet).finish();
}

}  // namespace neurons
