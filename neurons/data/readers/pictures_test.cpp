#include "neurons/data/readers/pictures.hpp"

#include <cstdio>
// jpeglib.h needs cstdio before it
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>
#include <png.h>

#include <cmath>

#include "neurons/data/data_testing.hpp"

namespace neurons {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

using Bytes = std::vector<std::uint8_t>;

struct PngOptions {
  int depth = 8;
  int colour = PNG_COLOR_TYPE_GRAY;
  bool interlaced = false;
  std::vector<png_color> palette = {};
  Bytes palette_alpha = {};
};

/// A PNG of these rows, written as they are.
std::string png(png_uint_32 width, std::vector<Bytes> rows, const PngOptions& options = {}) {
  std::string file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp p, png_bytep data, std::size_t size) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(data), size);
      },
      nullptr);
  png_set_IHDR(png, info, width, static_cast<png_uint_32>(rows.size()), options.depth, options.colour,
               options.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (!options.palette.empty()) png_set_PLTE(png, info, options.palette.data(), static_cast<int>(options.palette.size()));
  if (!options.palette_alpha.empty()) {
    png_set_tRNS(png, info, options.palette_alpha.data(), static_cast<int>(options.palette_alpha.size()), nullptr);
  }
  std::vector<png_bytep> pointers;
  for (Bytes& row : rows) pointers.push_back(row.data());
  png_write_info(png, info);
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

/// A JPEG of one colour, of best quality.
std::string jpeg(JDIMENSION width, JDIMENSION height, const Bytes& colour, bool progressive = false) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &memory, &size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = static_cast<int>(colour.size());
  jpeg.in_color_space = colour.size() == 1 ? JCS_GRAYSCALE : colour.size() == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  if (progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  Bytes row;
  for (JDIMENSION x = 0; x < width; ++x) row.insert(row.end(), colour.begin(), colour.end());
  for (JDIMENSION y = 0; y < height; ++y) {
    JSAMPROW pointer = row.data();
    jpeg_write_scanlines(&jpeg, &pointer, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string file(reinterpret_cast<char*>(memory), size);
  jpeg_destroy_compress(&jpeg);
  std::free(memory);
  return file;
}

Tensor parse(std::string_view text) { return parse_picture(std::as_bytes(std::span(text)), "a.png"); }
std::string picture_message(std::string_view text) {
  return message_of([&] { parse(text); });
}
Tensor bytes(const Shape& shape, const Bytes& values) { return Tensor::of<std::uint8_t>(shape, values); }

TEST(Png, ReadsGreyOfAnyDepth) {
  EXPECT_EQ(parse(png(3, {{0, 1, 255}, {9, 8, 7}})), bytes({1, 2, 3}, {0, 1, 255, 9, 8, 7}));
  EXPECT_EQ(parse(png(9, {{0b10100000, 0b10000000}}, {.depth = 1})), bytes({1, 1, 9}, {255, 0, 255, 0, 0, 0, 0, 0, 255}));
  EXPECT_EQ(parse(png(4, {{0b00011011}}, {.depth = 2})), bytes({1, 1, 4}, {0, 85, 170, 255}));
  EXPECT_EQ(parse(png(2, {{0x0F}}, {.depth = 4})), bytes({1, 1, 2}, {0, 255}));
  // 16 bits are rounded: 0x0180 / 257 = 1.49, 0x0181 / 257 = 1.498, 0x0182 / 257 = 1.502.
  EXPECT_EQ(parse(png(4, {{0xFF, 0xFF, 0x01, 0x80, 0x01, 0x81, 0x01, 0x82}}, {.depth = 16})), bytes({1, 1, 4}, {255, 1, 1, 2}));
}

TEST(Png, ReadsColours) {
  EXPECT_EQ(parse(png(2, {{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}}, {.colour = PNG_COLOR_TYPE_RGB})),
            bytes({3, 2, 2}, {1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12}));
  EXPECT_EQ(parse(png(1, {{0x80, 0x00, 0, 0, 0xFF, 0xFF}}, {.depth = 16, .colour = PNG_COLOR_TYPE_RGB})),
            bytes({3, 1, 1}, {128, 0, 255}));
}

TEST(Png, DropsTransparency) {
  EXPECT_EQ(parse(png(2, {{1, 0, 2, 128}}, {.colour = PNG_COLOR_TYPE_GRAY_ALPHA})), bytes({1, 1, 2}, {1, 2}));
  EXPECT_EQ(parse(png(1, {{1, 2, 3, 0}}, {.colour = PNG_COLOR_TYPE_RGB_ALPHA})), bytes({3, 1, 1}, {1, 2, 3}));
}

TEST(Png, ExpandsPalettes) {
  const std::vector<png_color> palette = {{10, 20, 30}, {40, 50, 60}, {70, 80, 90}};
  EXPECT_EQ(parse(png(3, {{2, 0, 1}}, {.colour = PNG_COLOR_TYPE_PALETTE, .palette = palette})),
            bytes({3, 1, 3}, {70, 10, 40, 80, 20, 50, 90, 30, 60}));
  EXPECT_EQ(
      parse(png(2, {{0b01100000}}, {.depth = 2, .colour = PNG_COLOR_TYPE_PALETTE, .palette = palette, .palette_alpha = {0, 9}})),
      bytes({3, 1, 2}, {40, 70, 50, 80, 60, 90}));
}

TEST(Png, ReadsInterlacedPictures) {
  std::vector<Bytes> rows(11, Bytes(13));
  for (std::size_t y = 0; y < 11; ++y) {
    for (std::size_t x = 0; x < 13; ++x) rows[y][x] = static_cast<std::uint8_t>(y * 13 + x);
  }
  EXPECT_EQ(parse(png(13, rows, {.interlaced = true})), parse(png(13, rows)));
}

TEST(Jpeg, ReadsGreyAndColour) {
  for (const bool progressive : {false, true}) {
    const Tensor grey = parse(jpeg(17, 5, {77}, progressive));
    EXPECT_EQ(grey.shape(), Shape({1, 5, 17}));
    EXPECT_THAT(grey.values<std::uint8_t>(), Each(77));
    const Tensor colour = parse(jpeg(9, 20, {200, 100, 50}, progressive));
    EXPECT_EQ(colour.shape(), Shape({3, 20, 9}));
    for (std::size_t i = 0; i < 540; ++i) {
      EXPECT_NEAR(colour.values<std::uint8_t>()[i], i < 180 ? 200 : i < 360 ? 100 : 50, 2) << i;
    }
  }
}

TEST(Jpeg, RefusesFourChannels) {
  EXPECT_EQ(picture_message(jpeg(4, 4, {1, 2, 3, 4})),
            "a.png: is a JPEG of 4 colour channels (CMYK?), expected 1 or 3; save it as RGB");
}

TEST(Pictures, RefuseEveryTruncationWithoutPrinting) {
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  for (const std::string& file : {png(5, {{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}}), jpeg(20, 20, {1, 2, 3}), jpeg(20, 20, {9}, true)}) {
    for (std::size_t length = 0; length < file.size(); ++length)
      EXPECT_THAT(picture_message(file.substr(0, length)), HasSubstr("a.png: is "));
    EXPECT_THAT(picture_message(file.substr(0, file.size() / 2)), HasSubstr("a.png: is no whole "));
    EXPECT_NO_THROW(parse(file + "trailing bytes"));
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

TEST(Pictures, SurviveEveryBitFlip) {
  ::testing::internal::CaptureStderr();
  std::size_t refused = 0;
  for (const std::string& file : {png(3, {{1, 2, 3}}), jpeg(9, 9, {1, 2, 3}), jpeg(9, 9, {9}, true)}) {
    for (std::size_t i = 0; i < file.size() * 8; ++i) {
      std::string damaged = file;
      damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << i % 8));
      try {
        parse(damaged);
      } catch (const InputError& error) {
        EXPECT_THAT(error.what(), HasSubstr("a.png: "));
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 1000U);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Pictures, SayWhatIsWrong) {
  EXPECT_EQ(picture_message(""), "a.png: is empty, expected a PNG or JPEG picture");
  EXPECT_EQ(picture_message("GIF89a"), "a.png: is neither PNG nor JPEG: begins with 47 49 46 38 39 61");
  std::string file = png(3, {{1, 2, 3}});
  EXPECT_EQ(picture_message(file.substr(0, 20)), "a.png: is no whole PNG: ends after 20 bytes, inside its header");
  EXPECT_EQ(picture_message(file.substr(0, file.size() - 1)), "a.png: is no whole PNG: it ends too early");
  file[45] = static_cast<char>(file[45] ^ 1);
  EXPECT_THAT(picture_message(file), HasSubstr("a.png: is no whole PNG: "));
  const std::string photo = jpeg(20, 20, {1, 2, 3});
  EXPECT_EQ(picture_message(photo.substr(0, photo.size() - 2)), "a.png: is no whole JPEG: Premature end of JPEG file");
  const TemporaryFolder folder;
  EXPECT_THAT(message_of([&] { read_picture(folder.path() / "no.png"); }), HasSubstr("no.png: cannot be opened"));
}

TEST(Pictures, AreRefusedWhereTheirSizeIsBeyondReason) {
  const auto with_sides = [](std::string file, std::size_t at, std::size_t width_bytes, unsigned height, unsigned width) {
    const auto put = [&](std::size_t begin, unsigned value) {
      for (std::size_t i = width_bytes; i-- > 0; value >>= 8) file[begin + i] = static_cast<char>(value & 0xFF);
    };
    put(at, height);
    put(at + width_bytes, width);
    return file;
  };
  const std::string small = png(3, {{1, 2, 3}});
  EXPECT_EQ(picture_message(with_sides(small, 16, 4, 1, 16385)), "a.png: is 1×16385 pixels, expected sides from 1 to 16384");
  EXPECT_THAT(picture_message(with_sides(small, 16, 4, 0, 1)), HasSubstr("is 0×1 pixels"));
  EXPECT_THAT(picture_message(with_sides(small, 16, 4, 0xFFFFFFFF, 1)), HasSubstr("is 4294967295×1 pixels"));
  EXPECT_THAT(picture_message(with_sides(small, 16, 4, 16384, 16384)),
              AllOf(HasSubstr("is a damaged PNG: "), HasSubstr("cannot hold 16384×16384")));
  for (const char bits : {'\0', '\3', '\7', '\40'}) {  // a depth of 0 would let 73 bytes promise 16384×16384 pixels
    std::string other = with_sides(small, 16, 4, 16384, 16384);
    other[24] = bits;
    EXPECT_EQ(picture_message(other),
              "a.png: is a damaged PNG: there is no depth of " + std::to_string(static_cast<int>(bits)) + " bits");
  }
  const std::string photo = jpeg(20, 20, {9});
  const std::size_t frame = photo.find("\xFF\xC0") + 5;
  EXPECT_THAT(picture_message(with_sides(photo, frame, 2, 16385, 20)), HasSubstr("is 20×16385 pixels, expected sides"));
  EXPECT_THAT(picture_message(with_sides(photo, frame, 2, 16384, 16384)),
              AllOf(HasSubstr("is a damaged JPEG: "), HasSubstr("cannot hold")));
  EXPECT_THAT(picture_message(with_sides(photo, frame, 2, 100, 100)), HasSubstr("is no whole JPEG: "));
}

TEST(PictureFolder, ReadsClassesAndFilesByName) {
  const TemporaryFolder folder;
  folder.write("dog/b.PNG", png(2, {{3, 4}}));
  folder.write("dog/a.png", png(2, {{1, 2}}));
  folder.write("cat/z.png", png(2, {{5, 6}}));
  folder.write("cat/notes.txt", "no picture");
  folder.write("cat/.hidden.png", "no picture");
  folder.write(".git/x.png", "no picture");
  folder.write("README.md", "no class");
  const Dataset data = read_picture_folder(folder.path());
  data.validate();
  EXPECT_THAT(data.class_names, ElementsAre("cat", "dog"));
  EXPECT_EQ(data.inputs, bytes({3, 1, 1, 2}, {5, 6, 1, 2, 3, 4}));
  EXPECT_THAT(data.targets.values<std::int64_t>(), ElementsAre(0, 1, 1));
  EXPECT_EQ(data.input_scale, 1.0F / 255);
  EXPECT_EQ(data.source, folder.path().string());
}

TEST(PictureFolder, GreyBecomesColouredAmongColours) {
  const TemporaryFolder folder;
  folder.write("a/1.png", png(2, {{1, 2}}));
  folder.write("a/2.png", png(2, {{3, 4, 5, 6, 7, 8}}, {.colour = PNG_COLOR_TYPE_RGB}));
  folder.write("b/3.jpg", jpeg(2, 1, {9}));
  EXPECT_EQ(read_picture_folder(folder.path()).inputs, bytes({3, 3, 1, 2}, {1, 2, 1, 2, 1, 2, 3, 6, 4, 7, 5, 8, 9, 9, 9, 9, 9, 9}));
}

TEST(PictureFolder, BringsPicturesToOneSizeAndColour) {
  const TemporaryFolder folder;
  folder.write("a/1.png", png(2, {{10, 20}}));
  folder.write("a/2.png", png(4, {{1, 3, 5, 7}, {1, 3, 5, 7}}));
  folder.write("b/3.png", png(1, {{255, 0, 0}}, {.colour = PNG_COLOR_TYPE_RGB}));
  EXPECT_EQ(read_picture_folder(folder.path(), {.size = {1, 2}, .colour = PictureOptions::Colour::grey}).inputs,
            bytes({3, 1, 1, 2}, {10, 20, 2, 6, 76, 76}));
  EXPECT_EQ(read_picture_folder(folder.path(), {.size = {1}}).inputs, bytes({3, 3, 1, 1}, {15, 15, 15, 4, 4, 4, 255, 0, 0}));
  EXPECT_EQ(message_of([&] { read_picture_folder(folder.path(), {.size = {0}}); }),
            "pictures: size[0] = 0 must be from 1 to 16384");
}

TEST(PictureFolder, RefusesWhatDoesNotFit) {
  const TemporaryFolder folder;
  const auto problem = [&] { return message_of([&] { read_picture_folder(folder.path()); }); };
  EXPECT_THAT(problem(), HasSubstr("holds no folders, expected one with pictures for each class"));
  folder.write("a/1.png", png(2, {{1, 2}}));
  folder.write("b/x.txt", "");
  EXPECT_EQ(problem(), (folder.path() / "b").string() + ": holds no .png, .jpg or .jpeg file");
  folder.write("b/2.png", png(1, {{1}, {2}, {3}}));
  EXPECT_EQ(problem(), (folder.path() / "b/2.png").string() + ": is 1×3 pixels, but " + (folder.path() / "a/1.png").string() +
                           " is 2×1; give the size that all shall be brought to, in a spec: [data] pictures = { size = [1, 2] }");
  folder.write("b/2.png", png(2, {{1, 2}}).substr(0, 50));
  EXPECT_THAT(problem(), HasSubstr("b/2.png: is no whole PNG"));
  EXPECT_THAT(message_of([&] { read_picture_folder(folder.path() / "nothing"); }), HasSubstr("cannot be read: No such file"));
  folder.write("b/Thumbs.db", "");  // by its name no picture
  folder.write("b/3.WebP", "RIFF");
  EXPECT_EQ(problem(), (folder.path() / "b/3.WebP").string() +
                           ": only .png, .jpg and .jpeg pictures are read; convert it, or take it out of the folder");
}

}  // namespace
}  // namespace neurons
