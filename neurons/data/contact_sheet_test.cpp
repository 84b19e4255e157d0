#include "neurons/data/contact_sheet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "neurons/data/data_testing.hpp"
#include "neurons/data/font.hpp"
#include "neurons/data/picture_writer.hpp"
#include "neurons/data/readers/pictures.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

TEST(Font, EveryCharacterLooksDifferent) {
  std::set<std::string> seen;
  for (int character = ' '; character <= 0x7F; ++character) {  // the last one is the box of all others
    std::string drawn;
    for (std::int64_t y = 0; y < kGlyphHeight; ++y) {
      for (std::int64_t x = 0; x < kGlyphWidth; ++x) drawn += is_ink(static_cast<char>(character), x, y) ? '#' : '.';
    }
    EXPECT_TRUE(seen.insert(drawn).second) << static_cast<char>(character);
  }
  EXPECT_EQ(is_ink('\xC3', 0, 0), is_ink('\x7F', 0, 0));
  EXPECT_EQ(is_ink('\n', 0, 0), is_ink('\x7F', 0, 0));
}

std::uint8_t at(const Tensor& sheet, std::int64_t channel, std::int64_t y, std::int64_t x) {
  return sheet.values<std::uint8_t>()[static_cast<std::size_t>((channel * sheet.shape()[1] + y) * sheet.shape()[2] + x)];
}

TEST(ContactSheet, ShowsPicturesRowByRowWithTheirCaptions) {
  const Tensor white = Tensor::of<std::uint8_t>({1, 1, 1}, {255});
  const Tensor red = Tensor::of<std::uint8_t>({3, 1, 1}, {200, 0, 0});
  std::vector<Captioned> pictures(5, {white, {{"is seven", {1, 2, 3}}, {"99% a very long name"}}});
  pictures[3].picture = red;
  const Tensor sheet = contact_sheet("title", pictures, 3);
  ASSERT_EQ(sheet.shape().rank(), 3);
  EXPECT_EQ(sheet.shape()[0], 3);
  const std::int64_t row = (sheet.shape()[1] - 42) / 2;  // below the title's 42 pixels
  EXPECT_EQ(at(sheet, 1, 42, 12), 255);
  EXPECT_EQ(at(sheet, 1, 42 + 143, 12 + 143), 255) << "enlarged to 144 pixels";
  EXPECT_NE(at(sheet, 1, 42, 12 + 144), 255);
  EXPECT_EQ(at(sheet, 0, 42 + row, 12), 200) << "the fourth begins the second row";
  EXPECT_EQ(at(sheet, 1, 42 + row, 12), 0);
  const auto pixels = sheet.values<std::uint8_t>();
  EXPECT_EQ(std::ranges::count(pixels.subspan(0, pixels.size() / 3), 1) % (5 * 4), 0) << "captions in their colour, five times";
  EXPECT_GT(std::ranges::count(pixels.subspan(0, pixels.size() / 3), 1), 0);
}

TEST(ContactSheet, DrawsOneLetterForEachCharacter) {
  const auto sheet_of = [](const std::string& text) { return contact_sheet("", {{Tensor(DType::u8, {1, 1, 1}), {{text}}}}); };
  EXPECT_EQ(sheet_of("l\xC3\xA4ngs \xC3\x9C\xC3\xBF\xC3\x80"), sheet_of("langs UyA")) << "längs ÜÿÀ";
  EXPECT_EQ(sheet_of("la\xCC\x88ngs"), sheet_of("langs")) << "an accent by itself, as some systems keep names of files";
  EXPECT_EQ(sheet_of("\xE7\x8C\xAB!"), sheet_of("\x7F!")) << "one box for 猫";
  EXPECT_EQ(sheet_of("\xC3"), sheet_of("\x7F")) << "cut off";
  EXPECT_NE(sheet_of("\xC3\xA4"), sheet_of("\x7F"));
}

TEST(ContactSheet, ShrinksLargePictures) {
  const Tensor large(DType::u8, {1, 1000, 500});
  EXPECT_LE(contact_sheet("", {{large, {}}}).shape()[1], 250);
}

TEST(ContactSheet, RefusesWhatIsNoPicture) {
  EXPECT_EQ(message_of([] { contact_sheet("", {}); }), "contact sheet: there is no picture to show");
  EXPECT_EQ(message_of([] {
              contact_sheet("", {{Tensor(DType::u8, {2, 4, 4}), {}}});
            }),
            "u8[2, 4, 4] is no picture, expected u8[1 or 3, height, width]");
}

TEST(PictureWriter, WritesWhatTheReaderReads) {
  const TemporaryFolder folder;
  for (const std::int64_t channels : {1, 3}) {
    Tensor picture(DType::u8, {channels, 5, 3});
    std::uint8_t value = 0;
    for (std::uint8_t& pixel : picture.values<std::uint8_t>()) pixel = value += 17;
    write_png(folder / "a.png", picture);
    EXPECT_EQ(read_picture(folder / "a.png"), picture);
  }
  EXPECT_THAT(message_of([] { to_png(Tensor(DType::f32, {1, 2, 2})); }), HasSubstr("f32[1, 2, 2] is no picture"));
  EXPECT_THROW(write_png(folder / "no/such/a.png", Tensor(DType::u8, {1, 1, 1})), RuntimeError);
}

}  // namespace
}  // namespace neurons
