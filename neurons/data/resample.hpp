#pragma once
/// One axis of a picture at another size, and both axes of a plane.

#include <cstdint>
#include <span>
#include <vector>

namespace neurons {

/// Of which pixels, in which shares, each pixel of the result is made. The shares of one add up to 1.
struct Resample {
  struct Pixel {
    std::int64_t first = 0;     ///< of the pixels that it is made of
    std::vector<float> shares;  ///< of that one and those behind it
  };
  std::vector<Pixel> pixels;

  /// From the part [begin, end) of `from` pixels, where pixel i covers [i, i + 1), to `into` pixels. Bilinear: between the two
  /// pixels whose middles are nearest; beyond the outer middles, the outer pixel.
  static Resample bilinear(std::int64_t from, double begin, double end, std::int64_t into);
  /// The same, as the mean of what each pixel of the result covers.
  static Resample area(std::int64_t from, double begin, double end, std::int64_t into);
};

/// A plane of rows of `width` pixels, made anew along both axes: [rows.pixels, columns.pixels].
std::vector<float> resample(std::span<const std::uint8_t> plane, std::int64_t width, const Resample& columns, const Resample& rows);

}  // namespace neurons
