#pragma once
/// Pictures changed at random while a network learns from them, so that it never sees the same one twice.

#include <cstdint>

#include "neurons/base/number_check.hpp"
#include "neurons/data/dataset.hpp"

namespace neurons {

/// What is done to each picture of the training part, in this order: it is mirrored, turned, enlarged and moved (all at once, with
/// bilinear interpolation, or exactly where nothing but whole pixels are moved); its colours change; a square is cut out; another
/// picture is mixed in. Each amount is drawn anew for every picture in every epoch; 0 or false: not at all.
struct Augmentation {
  /// What is seen where a moved picture leaves the frame.
  enum class Border { black, edge };  // black: the raw value 0; edge: the nearest pixel

  bool flip_horizontal = false;   ///< left and right change places, half of the time
  bool flip_vertical = false;     ///< above and below change places, half of the time
  double rotate = 0;              ///< degrees; by up to so many, either way
  double scale = 0;               ///< by a factor between 1 / (1 + scale) and 1 + scale
  double shift = 0;               ///< pixels; by up to so many, in both directions, fractions included
  std::int64_t crop_padding = 0;  ///< whole pixels: cut out of the picture with a border of that width, at its own size
  Border border = Border::black;
  double brightness = 0;     ///< times a factor between 1 - brightness and 1 + brightness
  double contrast = 0;       ///< likewise the distance from the picture's mean grey
  double saturation = 0;     ///< likewise the distance of a colour from its grey; coloured pictures only
  std::int64_t cut_out = 0;  ///< pixels; the side of a square, anywhere, of which a part may stand over; it becomes black
  /// Inputs and targets become λ of this picture and 1 - λ of another one of the training part, changed likewise; λ is drawn from
  /// Beta(mix_up, mix_up). Class labels become shares of classes. (Zhang et al.: "mixup: beyond empirical risk minimization", 2018)
  double mix_up = 0;

  /// Targets are those of more than one sample.
  bool mixes() const noexcept { return mix_up > 0; }

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("flip_horizontal", self.flip_horizontal);
    visit("flip_vertical", self.flip_vertical);
    visit("rotate", self.rotate);
    visit("scale", self.scale);
    visit("shift", self.shift);
    visit("crop_padding", self.crop_padding);
    visit("border", self.border);
    visit("brightness", self.brightness);
    visit("contrast", self.contrast);
    visit("saturation", self.saturation);
    visit("cut_out", self.cut_out);
    visit("mix_up", self.mix_up);
  }
  bool operator==(const Augmentation&) const = default;
};

/// Shows all its numbers.
NumberCheck check_numbers(const Augmentation& options);

/// Throws InputError for a number that makes no sense, and where samples are no pictures [channels, height, width] or
/// [height, width], or too small or too grey for what is asked.
void check_augmentation(const Augmentation& options, const Dataset& data);

}  // namespace neurons
