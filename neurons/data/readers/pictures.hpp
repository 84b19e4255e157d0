#pragma once
/// PNG and JPEG pictures as bytes, one by one or a folder of them by class.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "neurons/data/dataset.hpp"
#include "neurons/data/picture_options.hpp"
#include "neurons/data/picture_shape.hpp"

namespace neurons {

/// A picture as u8 [channels, height, width]; channels is 1 for grey and 3 for colour. 16-bit samples are rounded to 8, palettes
/// expanded, transparency dropped, photographs turned upright as their Exif orientation says. Throws InputError for anything that
/// is not a whole PNG or JPEG.
Tensor read_picture(const std::filesystem::path& path);
Tensor parse_picture(std::span<const std::byte> bytes, const std::string& name);

/// A folder with one folder of .png, .jpg or .jpeg files per class: u8 inputs [samples, channels, height, width], input_scale
/// 1/255, classes and files in the order of their names. Each is made what `options` say (they are not standardised here). Throws
/// InputError if there is no class or no picture in one, if two pictures differ in size and no size is given (naming both), and as
/// read_picture does.
Dataset read_picture_folder(const std::filesystem::path& folder, const PictureOptions& options = {});

/// What a folder of pictures holds, by the heads of its files: the smallest and the largest extent on each axis.
struct PictureFolder {
  std::vector<std::pair<std::string, std::int64_t>> classes;  ///< with their pictures
  PictureShape smallest, largest;
};
/// Throws InputError as read_picture_folder does, but not where pictures differ in size.
PictureFolder describe_picture_folder(const std::filesystem::path& folder);

}  // namespace neurons
