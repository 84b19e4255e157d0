#include "neurons/data/readers/pictures.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include "neurons/base/atomic_file.hpp"
#include "neurons/data/readers/picture_decoders.hpp"

namespace neurons {
namespace {

namespace fs = std::filesystem;

const PictureDecoder& decoder_of(std::span<const std::byte> bytes, const std::string& name) {
  for (const PictureDecoder* decoder : {&kPngDecoder, &kJpegDecoder}) {
    if (decoder->recognises(bytes)) return *decoder;
  }
  if (bytes.empty()) fail_input("{}: is empty, expected a PNG or JPEG picture", name);
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  fail_input("{}: is neither PNG nor JPEG: begins with {:02x}", name,
             fmt::join(std::span(first, std::min<std::size_t>(bytes.size(), 8)), " "));
}

/// In small letters.
std::string extension_of(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension;
}

/// Throws InputError for pictures that are not read here: left out, they would be missed. What is no picture by its name is passed
/// over.
bool is_picture(const fs::path& path) {
  constexpr std::string_view kOthers[] = {".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2",  ".jpe", ".jfif",
                                          ".pgm",  ".pnm", ".ppm", ".tga",  ".tif",  ".tiff", ".webp"};
  const std::string extension = extension_of(path);
  if (std::ranges::find(kOthers, extension) != std::end(kOthers)) {
    fail_input("{}: only .png, .jpg and .jpeg pictures are read; convert it, or take it out of the folder", path.string());
  }
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

/// What a folder holds, by name, without hidden entries.
std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator iterator(folder, error);
  if (error) fail_input("{}: cannot be read: {}", folder.string(), error.message());
  std::vector<fs::directory_entry> entries;
  for (const fs::directory_entry& entry : iterator) {
    if (!entry.path().filename().string().starts_with('.')) entries.push_back(entry);
  }
  std::ranges::sort(entries, {}, [](const fs::directory_entry& entry) { return entry.path().filename().string(); });
  return entries;
}

struct PictureFile {
  fs::path path;
  std::int64_t label;
};

struct Listing {
  std::vector<std::string> classes;
  std::vector<PictureFile> files;
};

Listing list_pictures(const fs::path& folder) {
  Listing listing;
  std::error_code error;
  for (const fs::directory_entry& entry : entries_of(folder)) {
    if (!entry.is_directory(error)) continue;
    const auto label = static_cast<std::int64_t>(listing.classes.size());
    const std::size_t before = listing.files.size();
    for (const fs::directory_entry& file : entries_of(entry.path())) {
      if (is_picture(file.path())) listing.files.push_back({file.path(), label});
    }
    if (listing.files.size() == before) fail_input("{}: holds no .png, .jpg or .jpeg file", entry.path().string());
    listing.classes.push_back(entry.path().filename().string());
  }
  if (listing.classes.empty()) fail_input("{}: holds no folders, expected one with pictures for each class", folder.string());
  return listing;
}

PictureSize size_of_file(const fs::path& path) {
  const std::string text = read_file(path);
  const auto bytes = std::as_bytes(std::span(text));
  return decoder_of(bytes, path.string()).size(bytes, path.string());
}

/// What all pictures become: of the size that is asked for or that all have, with the channels of the most colourful one.
PictureShape common_shape(const std::vector<PictureFile>& files, const PictureOptions& options) {
  PictureSize common;
  for (const PictureFile& file : files) {
    const PictureSize size = size_of_file(file.path);
    if (common.channels == 0) common = size;
    if (options.size.empty() && (size.width != common.width || size.height != common.height)) {
      fail_input(
          "{}: is {}×{} pixels, but {} is {}×{}; give the size that all shall be brought to, in a spec: [data] pictures = {{ size "
          "= "
          "[{}, {}] }}",
          file.path.string(), size.width, size.height, files.front().path.string(), common.width, common.height, common.height,
          common.width);
    }
    common.channels = std::max(common.channels, size.channels);
  }
  return shape_of(options, {common.channels, common.height, common.width}, common.channels);
}

}  // namespace

Tensor parse_picture(std::span<const std::byte> bytes, const std::string& name) {
  const PictureDecoder& decoder = decoder_of(bytes, name);
  const PictureSize size = decoder.size(bytes, name);
  Tensor picture(DType::u8, {size.channels, size.height, size.width});
  decoder.decode(bytes, name, size, picture.values<std::uint8_t>().data());
  return picture;
}

Tensor read_picture(const fs::path& path) {
  const std::string bytes = read_file(path);
  return parse_picture(std::as_bytes(std::span(bytes)), path.string());
}

Dataset read_picture_folder(const fs::path& folder, const PictureOptions& options) {
  check_numbers(options).require("pictures: ");
  Listing listing = list_pictures(folder);
  const PictureShape shape = common_shape(listing.files, options);
  const auto samples = static_cast<std::int64_t>(listing.files.size());
  Dataset data{.inputs = Tensor(DType::u8, {samples, shape.channels, shape.height, shape.width}),
               .targets = Tensor(DType::i64, {samples}),
               .class_names = std::move(listing.classes),
               .input_scale = 1.0F / 255,
               .source = folder.string()};
  const auto inputs = data.inputs.values<std::uint8_t>();
  for (std::size_t i = 0; i < listing.files.size(); ++i) {
    const Tensor picture = read_picture(listing.files[i].path);
    prepare_picture(view_of(picture), shape, options, inputs.subspan(i * shape.elements(), shape.elements()));
    data.targets.values<std::int64_t>()[i] = listing.files[i].label;
  }
  return data;
}

PictureFolder describe_picture_folder(const fs::path& folder) {
  const Listing listing = list_pictures(folder);
  PictureFolder result;
  for (const std::string& name : listing.classes) result.classes.emplace_back(name, 0);
  for (const PictureFile& file : listing.files) {
    ++result.classes[static_cast<std::size_t>(file.label)].second;
    const PictureSize size = size_of_file(file.path);
    const PictureShape shape{size.channels, size.height, size.width};
    if (&file == &listing.files.front()) result.smallest = result.largest = shape;
    for (const auto extent : {&PictureShape::channels, &PictureShape::height, &PictureShape::width}) {
      result.smallest.*extent = std::min(result.smallest.*extent, shape.*extent);
      result.largest.*extent = std::max(result.largest.*extent, shape.*extent);
    }
  }
  return result;
}

}  // namespace neurons
