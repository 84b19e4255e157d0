#include "neurons/data/readers/exif.hpp"

#include <cstdio>
// jpeglib.h needs cstdio before it
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>

#include <cstdlib>

#include "neurons/data/data_testing.hpp"
#include "neurons/data/readers/pictures.hpp"

namespace neurons {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

std::string number(unsigned value, std::size_t bytes, bool big_endian) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i, value >>= 8) text[big_endian ? bytes - 1 - i : i] = static_cast<char>(value & 0xFF);
  return text;
}

/// What an Exif marker holds: two tags, the second of which is the orientation.
struct Exif {
  unsigned orientation = 1;
  bool big_endian = true;
  unsigned type = 3;
  unsigned count = 1;
  unsigned entries = 2;
  unsigned directory = 8;

  std::string bytes() const {
    const auto put = [this](unsigned value, std::size_t size) { return number(value, size, big_endian); };
    const std::string resolution = put(0x0128, 2) + put(3, 2) + put(1, 4) + put(2, 2) + put(0, 2);
    return std::string("Exif\0\0", 6) + (big_endian ? "MM" : "II") + put(42, 2) + put(directory, 4) + put(entries, 2) + resolution +
           put(274, 2) + put(type, 2) + put(count, 4) + put(orientation, 2) + put(0, 2) + put(0, 4);
  }
};

int orientation_of(const std::string& marker) { return exif_orientation(std::as_bytes(std::span(marker))); }

/// Rows of letters, each a block of 8 × 8 pixels of its own brightness: JPEG keeps them exactly. In colour, blue is another.
std::string jpeg(const std::vector<std::string>& rows, const std::vector<std::string>& markers, int channels = 1) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &memory, &size);
  jpeg.image_width = static_cast<JDIMENSION>(rows.front().size() * 8);
  jpeg.image_height = static_cast<JDIMENSION>(rows.size() * 8);
  jpeg.input_components = channels;
  jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  for (const std::string& marker : markers) {
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(marker.data()), static_cast<unsigned>(marker.size()));
  }
  for (const std::string& row : rows) {
    std::vector<JSAMPLE> samples;
    for (const char letter : row) {
      const auto grey = static_cast<JSAMPLE>((letter - 'A') * 40);
      for (int pixel = 0; pixel < 8; ++pixel) {
        for (int channel = 0; channel < channels; ++channel) samples.push_back(channel == 2 ? 255 - grey : grey);
      }
    }
    JSAMPROW pointer = samples.data();
    for (int y = 0; y < 8; ++y) jpeg_write_scanlines(&jpeg, &pointer, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string file(reinterpret_cast<char*>(memory), size);
  jpeg_destroy_compress(&jpeg);
  std::free(memory);
  return file;
}

Tensor parse_photograph(const std::string& file) { return parse_picture(std::as_bytes(std::span(file)), "a.jpg"); }

/// One channel of a picture as such rows; every pixel of a block must agree.
std::vector<std::string> letters_of(const Tensor& picture, std::int64_t channel = 0) {
  const std::int64_t height = picture.shape()[1];
  const std::int64_t width = picture.shape()[2];
  const auto pixels = picture.values<std::uint8_t>().subspan(static_cast<std::size_t>(channel * height * width));
  std::vector<std::string> rows(static_cast<std::size_t>(height / 8), std::string(static_cast<std::size_t>(width / 8), ' '));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const int value = pixels[static_cast<std::size_t>(y * width + x)];
      const char letter = static_cast<char>('A' + ((channel == 2 ? 255 - value : value) + 20) / 40);
      char& block = rows[static_cast<std::size_t>(y / 8)][static_cast<std::size_t>(x / 8)];
      block = block == ' ' || block == letter ? letter : '?';
    }
  }
  return rows;
}

const std::vector<std::string> kStored = {"ABC", "DEF"};
/// kStored as it is to be seen, by orientation.
const std::vector<std::string> kUpright[] = {{"ABC", "DEF"},     {"ABC", "DEF"},     {"CBA", "FED"},
                                             {"FED", "CBA"},     {"DEF", "ABC"},     {"AD", "BE", "CF"},
                                             {"DA", "EB", "FC"}, {"FC", "EB", "DA"}, {"CF", "BE", "AD"}};

TEST(Exif, TurnsPicturesUpright) {
  EXPECT_EQ(letters_of(parse_photograph(jpeg(kStored, {}))), kStored);
  for (unsigned orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {false, true}) {
      const std::string exif = Exif{.orientation = orientation, .big_endian = big_endian}.bytes();
      EXPECT_EQ(letters_of(parse_photograph(jpeg(kStored, {exif}))), kUpright[orientation]) << orientation;
      const Tensor colour = parse_photograph(jpeg(kStored, {exif}, 3));
      for (const std::int64_t channel : {0, 1, 2}) EXPECT_EQ(letters_of(colour, channel), kUpright[orientation]) << orientation;
    }
  }
}

TEST(Exif, FoldersKnowTheUprightSize) {
  const TemporaryFolder folder;
  folder.write("a/1.jpg", jpeg(kStored, {Exif{.orientation = 6}.bytes()}));
  folder.write("a/2.jpg", jpeg({"DA", "EB", "FC"}, {}));
  const Dataset data = read_picture_folder(folder.path());
  EXPECT_EQ(data.inputs.shape(), (Shape{2, 1, 24, 16}));
  const auto pixels = data.inputs.values<std::uint8_t>();
  EXPECT_TRUE(std::ranges::equal(pixels.first(pixels.size() / 2), pixels.last(pixels.size() / 2)));
}

TEST(Exif, IsFoundAmongOtherMarkers) {
  const std::string exif = Exif{.orientation = 8}.bytes();
  EXPECT_EQ(letters_of(parse_photograph(jpeg(kStored, {"http://ns.adobe.com/xap/1.0/", "", exif}))), kUpright[8]);
  EXPECT_EQ(letters_of(parse_photograph(jpeg(kStored, {exif, Exif{.orientation = 3}.bytes()}))), kUpright[8]) << "the first counts";
  EXPECT_EQ(letters_of(parse_photograph(jpeg(kStored, {Exif{.orientation = 9}.bytes(), exif}))), kUpright[8]);
}

TEST(Exif, DamagedOnesTellOfNoOrientation) {
  ASSERT_EQ(orientation_of(Exif{.orientation = 6}.bytes()), 6);
  EXPECT_EQ(orientation_of(Exif{.orientation = 0}.bytes()), 0);
  EXPECT_EQ(orientation_of(Exif{.orientation = 9}.bytes()), 0);
  EXPECT_EQ(orientation_of(Exif{.orientation = 6, .type = 4}.bytes()), 0);
  EXPECT_EQ(orientation_of(Exif{.orientation = 6, .count = 2}.bytes()), 0);
  EXPECT_EQ(orientation_of(Exif{.orientation = 6, .entries = 1}.bytes()), 0);
  EXPECT_EQ(orientation_of(Exif{.orientation = 6, .entries = 0xFFFF}.bytes()), 6) << "found before the end";
  EXPECT_EQ(orientation_of(Exif{.orientation = 6, .directory = 0xFFFFFFFF}.bytes()), 0);
  EXPECT_EQ(orientation_of(Exif{.orientation = 6, .directory = 34}.bytes()), 0);
  for (const bool big_endian : {false, true}) {
    const std::string whole = Exif{.orientation = 6, .big_endian = big_endian}.bytes();
    for (std::size_t length = 0; length < whole.size() - 4; ++length)
      EXPECT_EQ(orientation_of(whole.substr(0, length)), 0) << length;
    EXPECT_EQ(letters_of(parse_photograph(jpeg(kStored, {whole.substr(0, whole.size() - 5)}))), kStored);
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {  // no bit flipped leads out of the marker
      std::string damaged = whole;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      const int orientation = orientation_of(std::string(damaged.begin(), damaged.end()));
      EXPECT_TRUE(orientation >= 0 && orientation <= 8);
    }
  }
}

}  // namespace
}  // namespace neurons
