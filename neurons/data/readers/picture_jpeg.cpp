// JPEG by libjpeg-turbo. libjpeg leaves errors by longjmp: what it jumps over holds no C++ object that must be destroyed.
#include <cstdio>
// jpeglib.h needs what stdio.h declares
#include <jpeglib.h>
// jerror.h needs jpeglib.h
#include <jerror.h>

#include <csetjmp>
#include <utility>
#include <vector>

#include "neurons/data/readers/exif.hpp"
#include "neurons/data/readers/picture_decoders.hpp"
#include "neurons/data/readers/pictures.hpp"

namespace neurons {
namespace {

/// Each block of 8×8 pixels takes one bit at least.
constexpr std::int64_t kMaxPixelsPerByte = 64 * 8;
/// Scans of a progressive picture; real ones have about ten. More only cost time: each goes over all blocks.
constexpr int kMaxScans = 100;
constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr unsigned kWholeMarker = 0xFFFF;

/// libjpeg's state, and what its callbacks need.
struct Reader {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = "";

  Reader() {
    jpeg.err = jpeg_std_error(&errors);
    jpeg.client_data = this;
    errors.error_exit = on_error;
    errors.emit_message = on_message;
    errors.output_message = [](j_common_ptr) {};
    progress.progress_monitor = on_progress;
  }
  ~Reader() { jpeg_destroy_decompress(&jpeg); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  [[noreturn]] static void on_error(j_common_ptr common) {
    auto& reader = *static_cast<Reader*>(common->client_data);
    common->err->format_message(common, reader.message);
    std::longjmp(reader.jump, 1);
  }
  /// Most warnings mean that a part of the picture is lost: libjpeg would go on with grey.
  static void on_message(j_common_ptr common, int level) {
    const int code = common->err->msg_code;
    const bool harmless = code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM;
    if (level < 0 && !harmless) on_error(common);
  }
  static void on_progress(j_common_ptr common) {
    if (reinterpret_cast<j_decompress_ptr>(common)->input_scan_number > kMaxScans) {
      common->err->msg_code = JERR_BAD_PROGRESSION;
      on_error(common);
    }
  }
};

/// False: reader.message says why not.
bool read_header(Reader& reader, std::span<const std::byte> bytes) {
  if (setjmp(reader.jump) != 0) return false;
  jpeg_create_decompress(&reader.jpeg);
  reader.jpeg.progress = &reader.progress;
  jpeg_mem_src(&reader.jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<unsigned long>(bytes.size()));
  jpeg_save_markers(&reader.jpeg, kExifMarker, kWholeMarker);
  jpeg_read_header(&reader.jpeg, TRUE);
  return true;
}

/// Of the first marker that tells; 1, as it lies, if none does.
int orientation_of(const Reader& reader) {
  for (jpeg_saved_marker_ptr marker = reader.jpeg.marker_list; marker != nullptr; marker = marker->next) {
    if (marker->marker != kExifMarker) continue;
    const int orientation = exif_orientation(std::as_bytes(std::span(marker->data, marker->data_length)));
    if (orientation != 0) return orientation;
  }
  return 1;
}

bool read_rows(Reader& reader, const PictureSize& size, const PixelSteps& steps, JSAMPROW row, std::uint8_t* out) {
  if (setjmp(reader.jump) != 0) return false;
  reader.jpeg.out_color_space = size.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&reader.jpeg);
  while (reader.jpeg.output_scanline < reader.jpeg.output_height) {
    const auto y = static_cast<std::int64_t>(reader.jpeg.output_scanline);
    jpeg_read_scanlines(&reader.jpeg, &row, 1);
    put_row(row, y, reader.jpeg.output_width, size, steps, out);
  }
  jpeg_finish_decompress(&reader.jpeg);
  return true;
}

[[noreturn]] void fail_damaged(const Reader& reader, const std::string& name) {
  fail_input("{}: is no whole JPEG: {}", name, reader.message);
}

bool recognises(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= 3 && bytes[0] == std::byte{0xFF} && bytes[1] == std::byte{0xD8} && bytes[2] == std::byte{0xFF};
}

PictureSize size_of(const Reader& reader, std::span<const std::byte> bytes, const std::string& name) {
  PictureSize size{reader.jpeg.num_components, reader.jpeg.image_height, reader.jpeg.image_width};
  if (lies_on_side(orientation_of(reader))) std::swap(size.height, size.width);
  if (size.width > kMaxPictureSide || size.height > kMaxPictureSide) {
    fail_input("{}: is {}×{} pixels, expected sides from 1 to {}", name, size.width, size.height, kMaxPictureSide);
  }
  if (size.channels != 1 && size.channels != 3) {
    fail_input("{}: is a JPEG of {} colour channels (CMYK?), expected 1 or 3; save it as RGB", name, size.channels);
  }
  if (size.width * size.height / kMaxPixelsPerByte > static_cast<std::int64_t>(bytes.size())) {
    fail_input("{}: is a damaged JPEG: {} bytes cannot hold {}×{} pixels", name, bytes.size(), size.width, size.height);
  }
  return size;
}

PictureSize read_size(std::span<const std::byte> bytes, const std::string& name) {
  Reader reader;
  if (!read_header(reader, bytes)) fail_damaged(reader, name);
  return size_of(reader, bytes, name);
}

void decode(std::span<const std::byte> bytes, const std::string& name, const PictureSize& size, std::uint8_t* out) {
  Reader reader;
  if (!read_header(reader, bytes)) fail_damaged(reader, name);
  std::vector<JSAMPLE> row(static_cast<std::size_t>(size.channels) * reader.jpeg.image_width);
  if (!read_rows(reader, size, upright_steps(orientation_of(reader), size), row.data(), out)) fail_damaged(reader, name);
}

}  // namespace

const PictureDecoder kJpegDecoder = {recognises, read_size, decode};

}  // namespace neurons
