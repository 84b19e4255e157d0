#pragma once
/// How pictures as they come are made what a network sees: all of one size, grey or coloured, each channel about 0.

#include <cstdint>
#include <span>
#include <vector>

#include "neurons/base/number_check.hpp"
#include "neurons/data/dataset.hpp"
#include "neurons/data/picture_shape.hpp"

namespace neurons {

struct PictureOptions {
  /// Where a picture has another ratio of width to height: it is stretched, what stands over is cut off on both sides, or what is
  /// missing stays black on both sides.
  enum class Fit { stretch, crop, pad };
  /// How pixels are found: `bilinear` between the four nearest, `area` as the mean of all that a pixel covers; `automatic` is area
  /// along an axis that shrinks and bilinear along one that grows.
  enum class Filter { automatic, bilinear, area };
  /// `automatic`: coloured if any picture is. Grey is the luma of ITU-R BT.601.
  enum class Colour { automatic, grey, colour };

  std::vector<std::int64_t> size = {};  ///< [height, width] or [side]; empty: as they are, all the same
  Fit fit = Fit::stretch;
  Filter filter = Filter::automatic;
  Colour colour = Colour::automatic;
  /// Each channel gets mean 0 and deviation 1 over the training part, if it has no `means` and `deviations` given.
  bool standardise = false;
  std::vector<float> means = {};       ///< of each channel, of values from 0 to 1: subtracted
  std::vector<float> deviations = {};  ///< of each channel: divided by

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("size", self.size);
    visit("fit", self.fit);
    visit("filter", self.filter);
    visit("colour", self.colour);
    visit("standardise", self.standardise);
    visit("means", self.means);
    visit("deviations", self.deviations);
  }
};

/// Shows all its numbers.
NumberCheck check_numbers(const PictureOptions& options);

/// The shape that `options` make of a picture; its channels are `channels` where `options.colour` is automatic.
PictureShape shape_of(const PictureOptions& options, const PictureShape& given, std::int64_t channels);

/// The bytes of a picture of 1 or 3 channels.
struct PictureView {
  PictureShape shape;
  std::span<const std::uint8_t> bytes;
};
/// Of a picture u8 [channels, height, width] in memory of its own. Throws InputError for what is none.
PictureView view_of(const Tensor& picture);

/// A picture made one of `shape`, with 1 or 3 channels, into `out`; of `options`, fit and filter count.
void prepare_picture(const PictureView& picture, const PictureShape& shape, const PictureOptions& options,
                     std::span<std::uint8_t> out);

/// Every picture of a dataset of bytes [samples, (channels,) height, width]. Throws InputError for other data.
void prepare_pictures(Dataset& data, const PictureOptions& options);

/// Pictures [height, width] and [1, height, width] are the same: gives samples the form of that rank. Others stay as they are.
void set_picture_rank(Dataset& data, int rank);

/// Mean and deviation of each channel over all samples, as the network sees them (a channel that is constant has deviation 1).
struct ChannelStatistics {
  std::vector<float> means;
  std::vector<float> deviations;
};
ChannelStatistics channel_statistics(const Dataset& data);

}  // namespace neurons
