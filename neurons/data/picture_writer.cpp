#include "neurons/data/picture_writer.hpp"

// PNG by libpng. It leaves errors by longjmp: what it jumps over holds no C++ object that must be destroyed.
#include <png.h>

#include <csetjmp>
#include <vector>

#include "neurons/base/atomic_file.hpp"
#include "neurons/data/picture_options.hpp"

namespace neurons {
namespace {

/// libpng's state, and what its callbacks need.
struct Writer {
  std::string file;
  png_structp png = nullptr;
  png_infop info = nullptr;

  Writer() {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, nullptr, [](png_structp, png_const_charp) {});
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) {
      png_destroy_write_struct(&png, nullptr);
      fail_run("libpng cannot be started: out of memory");
    }
  }
  ~Writer() { png_destroy_write_struct(&png, &info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
};

bool write_rows(Writer& writer, const PictureShape& shape, png_bytepp rows) {
  if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
  png_set_write_fn(
      writer.png, &writer.file,
      [](png_structp png, png_bytep bytes, std::size_t size) {
        static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(bytes), size);
      },
      nullptr);
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(shape.width), static_cast<png_uint_32>(shape.height), 8,
               shape.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(writer.png, writer.info);
  png_write_image(writer.png, rows);
  png_write_end(writer.png, nullptr);
  return true;
}

}  // namespace

std::string to_png(const Tensor& picture) {
  const auto& [shape, values] = view_of(picture);
  const auto channels = static_cast<std::size_t>(shape.channels);
  std::vector<png_byte> samples(values.size());
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = values[i % channels * shape.plane() + i / channels];
  std::vector<png_bytep> rows;
  const std::size_t row = channels * static_cast<std::size_t>(shape.width);
  for (std::size_t begin = 0; begin < samples.size(); begin += row) rows.push_back(samples.data() + begin);
  Writer writer;
  if (!write_rows(writer, shape, rows.data())) fail_run("png: libpng cannot write {}", picture.type().to_string());
  return std::move(writer.file);
}

void write_png(const std::filesystem::path& path, const Tensor& picture) { write_file_atomically(path, to_png(picture)); }

}  // namespace neurons
