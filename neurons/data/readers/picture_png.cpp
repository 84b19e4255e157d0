// PNG by libpng (https://www.w3.org/TR/png-3/). libpng leaves errors by longjmp: what it jumps over holds no C++ object that must
// be destroyed.
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <vector>

#include "neurons/data/readers/picture_decoders.hpp"
#include "neurons/data/readers/pictures.hpp"

namespace neurons {
namespace {

constexpr std::size_t kSignatureSize = 8;
constexpr std::size_t kHeaderSize = kSignatureSize + 25;  // with the IHDR chunk
constexpr std::size_t kBestPngRatio = 1032;               // of deflate

/// libpng's state, and what its callbacks need.
struct PngReader {
  std::span<const std::byte> rest;
  char message[128] = "";
  png_structp png = nullptr;
  png_infop info = nullptr;

  explicit PngReader(std::span<const std::byte> bytes) : rest(bytes) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, [](png_structp, png_const_charp) {});
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) {
      png_destroy_read_struct(&png, nullptr, nullptr);
      fail_run("libpng cannot be started: out of memory");
    }
  }
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  [[noreturn]] static void on_error(png_structp png, png_const_charp text) {
    auto& reader = *static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(reader.message, text, sizeof(reader.message) - 1);
    png_longjmp(png, 1);
  }
  static void on_read(png_structp png, png_bytep into, std::size_t count) {
    auto& reader = *static_cast<PngReader*>(png_get_io_ptr(png));
    if (count > reader.rest.size()) png_error(png, "it ends too early");
    std::memcpy(into, reader.rest.data(), count);
    reader.rest = reader.rest.subspan(count);
  }
};

/// Reads everything up to the end chunk. False: reader.message says why not.
bool read_rows(PngReader& reader, png_bytepp rows, std::size_t row_bytes) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &reader, PngReader::on_read);
  png_set_user_limits(reader.png, kMaxPictureSide, kMaxPictureSide);
  png_read_info(reader.png, reader.info);
  png_set_expand(reader.png);  // palettes to colours, 1, 2 and 4 bits to 8, transparent colours to an alpha channel
  png_set_scale_16(reader.png);
  png_set_strip_alpha(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  if (png_get_rowbytes(reader.png, reader.info) != row_bytes) png_error(reader.png, "its rows are not as long as its header says");
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

std::int64_t png_u32(std::span<const std::byte> bytes, std::size_t at) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::int64_t>(bytes[at + i]);
  return value;
}

bool recognises_png(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= kSignatureSize && png_sig_cmp(reinterpret_cast<png_const_bytep>(bytes.data()), 0, kSignatureSize) == 0;
}

PictureSize read_png_size(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.size() < kHeaderSize) fail_input("{}: is no whole PNG: ends after {} bytes, inside its header", name, bytes.size());
  const std::int64_t width = png_u32(bytes, 16);
  const std::int64_t height = png_u32(bytes, 20);
  const auto depth = std::to_integer<std::int64_t>(bytes[24]);
  const auto colour = std::to_integer<int>(bytes[25]);
  if (width < 1 || height < 1 || width > kMaxPictureSide || height > kMaxPictureSide) {
    fail_input("{}: is {}×{} pixels, expected sides from 1 to {}", name, width, height, kMaxPictureSide);
  }
  constexpr std::int64_t kSamples[] = {1, 0, 3, 1,
                                       2, 0, 4};  // by colour type: grey, –, colour, palette, grey + alpha, –, colour + alpha
  const std::int64_t samples = colour <= 6 ? kSamples[colour] : 0;
  const auto rows = static_cast<std::size_t>(height * ((width * samples * depth + 7) / 8 + 1));
  if (samples == 0) fail_input("{}: is a damaged PNG: there is no colour type {}", name, colour);
  if (depth != 1 && depth != 2 && depth != 4 && depth != 8 && depth != 16) {
    fail_input("{}: is a damaged PNG: there is no depth of {} bits", name, depth);
  }
  if (rows / kBestPngRatio > bytes.size()) {
    fail_input("{}: is a damaged PNG: {} bytes cannot hold {}×{} pixels", name, bytes.size(), width, height);
  }
  return {colour == PNG_COLOR_TYPE_GRAY || colour == PNG_COLOR_TYPE_GRAY_ALPHA ? 1 : 3, height, width};
}

void decode_png(std::span<const std::byte> bytes, const std::string& name, const PictureSize& size, std::uint8_t* out) {
  const auto row_bytes = static_cast<std::size_t>(size.channels * size.width);
  std::vector<png_byte> samples(size.bytes());
  std::vector<png_bytep> rows;
  for (std::size_t begin = 0; begin < samples.size(); begin += row_bytes) rows.push_back(samples.data() + begin);
  PngReader reader(bytes);
  if (!read_rows(reader, rows.data(), row_bytes)) fail_input("{}: is no whole PNG: {}", name, reader.message);
  const PixelSteps steps{0, 1, size.width};
  for (std::int64_t y = 0; y < size.height; ++y) put_row(rows[static_cast<std::size_t>(y)], y, size.width, size, steps, out);
}

}  // namespace

const PictureDecoder kPngDecoder = {recognises_png, read_png_size, decode_png};

}  // namespace neurons
