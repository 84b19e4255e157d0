#include "neurons/data/augmentation.hpp"

#include <algorithm>

#include "neurons/data/picture_shape.hpp"

namespace neurons {

NumberCheck check_numbers(const Augmentation& options) {
  constexpr double kMostPixels = 10'000;
  constexpr std::int64_t kMostWholePixels = 10'000;
  NumberCheck check;
  check.between("rotate", options.rotate, 0.0, 180.0);
  check.between("scale", options.scale, 0.0, 10.0);
  check.between("shift", options.shift, 0.0, kMostPixels);
  check.between<std::int64_t>("crop_padding", options.crop_padding, 0, kMostWholePixels);
  check.between("brightness", options.brightness, 0.0, 1.0);
  check.between("contrast", options.contrast, 0.0, 1.0);
  check.between("saturation", options.saturation, 0.0, 1.0);
  check.between<std::int64_t>("cut_out", options.cut_out, 0, kMostWholePixels);
  check.between("mix_up", options.mix_up, 0.0, 100.0);
  return check;
}

void check_augmentation(const Augmentation& options, const Dataset& data) {
  check_numbers(options).require("augment: ");
  const std::string source = data.name();
  const auto picture = picture_shape(data.input_shape());
  if (!picture) {
    fail_input("augment: needs pictures [channels, height, width] or [height, width], but the samples of {} have shape {}", source,
               data.input_shape().to_string());
  }
  const auto require_room = [&](std::string_view key, double pixels) {
    if (pixels < static_cast<double>(std::min(picture->height, picture->width))) return;
    fail_input("augment: {} = {} leaves nothing of the pictures of {}, which are {}×{} pixels", key, pixels, source, picture->width,
               picture->height);
  };
  require_room("shift", options.shift);
  require_room("crop_padding", static_cast<double>(options.crop_padding));
  require_room("cut_out", static_cast<double>(options.cut_out));
  if (options.saturation > 0 && picture->channels != 3) {
    fail_input("augment: saturation needs pictures of 3 channels, but those of {} have {}", source, picture->channels);
  }
}

}  // namespace neurons
