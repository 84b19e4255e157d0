#pragma once
/// The convolutions that tests of the kernels try, one for each way in which windows meet strides, borders, groups and tiles.

#include <cstdint>
#include <string>
#include <vector>

#include "neurons/kernels/convolution.hpp"

namespace neurons::kernels {

using Axes = ConvolutionShape::Axes;

struct Case {
  std::string name;
  ConvolutionShape shape;

  std::int64_t x_count() const { return shape.batch * shape.input_pixels() * shape.channels; }
  std::int64_t y_count() const { return shape.batch * shape.output_pixels() * shape.outputs; }
  std::int64_t w_count() const { return shape.outputs * (shape.channels / shape.groups) * shape.taps(); }
  std::int64_t panel_count() const { return shape.packed_elements(); }
};

/// Outputs follow from the pads at both ends.
inline ConvolutionShape shape_of(std::int64_t batch, std::int64_t channels, std::int64_t outputs, const Axes& input,
                                 const Axes& kernel, const Axes& stride = {1, 1, 1}, const Axes& pad = {0, 0, 0},
                                 const Axes& pad_end = {0, 0, 0}, const Axes& dilation = {1, 1, 1}, std::int64_t groups = 1) {
  ConvolutionShape shape{batch, channels, outputs, groups, input, {}, kernel, stride, dilation, pad};
  for (std::size_t i = 0; i < 3; ++i) {
    shape.output[i] = (input[i] + pad[i] + pad_end[i] - (kernel[i] - 1) * dilation[i] - 1) / stride[i] + 1;
  }
  return shape;
}

inline const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"one number", shape_of(1, 1, 1, {1, 1, 1}, {1, 1, 1})},
      {"1x1", shape_of(2, 5, 7, {1, 3, 4}, {1, 1, 1})},
      {"3x3 same", shape_of(2, 3, 33, {1, 7, 9}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
      {"3x3 valid", shape_of(3, 32, 32, {1, 8, 17}, {1, 3, 3})},
      {"first layer", shape_of(2, 1, 32, {1, 28, 28}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
      {"5x5 strided", shape_of(2, 3, 20, {1, 13, 11}, {1, 5, 5}, {1, 2, 2}, {0, 2, 2}, {0, 2, 2})},
      {"7x7 strided, lopsided pads", shape_of(1, 3, 40, {1, 17, 18}, {1, 7, 7}, {1, 2, 3}, {0, 3, 1}, {0, 0, 4})},
      {"1x1 strided", shape_of(2, 16, 48, {1, 8, 7}, {1, 1, 1}, {1, 2, 2})},
      {"1x1, rows that merge", shape_of(3, 24, 40, {1, 5, 7}, {1, 1, 1})},
      {"1x1 strided, several bands", shape_of(1, 640, 17, {1, 41, 23}, {1, 1, 1}, {1, 2, 2})},
      {"1x1 strided, padded", shape_of(2, 16, 20, {1, 6, 7}, {1, 1, 1}, {1, 2, 2}, {0, 1, 1}, {0, 1, 2})},
      {"1x1 strided, three axes", shape_of(2, 5, 18, {4, 5, 6}, {1, 1, 1}, {2, 1, 3})},
      {"1x1 strided along rows", shape_of(2, 12, 18, {1, 8, 6}, {1, 1, 1}, {1, 3, 1})},
      {"depthwise, 1x1 strided", shape_of(2, 24, 24, {1, 5, 9}, {1, 1, 1}, {1, 2, 2}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}, 24)},
      {"stride beyond the kernel", shape_of(1, 4, 5, {1, 10, 11}, {1, 2, 2}, {1, 3, 4})},
      {"dilated", shape_of(2, 6, 9, {1, 11, 12}, {1, 3, 3}, {1, 1, 1}, {0, 2, 2}, {0, 2, 2}, {1, 2, 2})},
      {"dilated and strided", shape_of(1, 4, 17, {1, 15, 14}, {1, 3, 2}, {1, 2, 3}, {0, 2, 1}, {0, 1, 0}, {1, 3, 2})},
      {"groups", shape_of(2, 12, 18, {1, 6, 5}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}, 3)},
      {"groups, wide and strided", shape_of(1, 8, 80, {1, 9, 8}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}, 2)},
      {"depthwise", shape_of(2, 7, 7, {1, 6, 6}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}, 7)},
      {"depthwise, wide", shape_of(2, 83, 83, {1, 9, 21}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}, 83)},
      {"depthwise, strided", shape_of(2, 32, 32, {1, 12, 11}, {1, 5, 5}, {1, 2, 2}, {0, 2, 2}, {0, 2, 1}, {1, 1, 1}, 32)},
      {"depthwise, dilated", shape_of(1, 40, 40, {1, 13, 15}, {1, 3, 3}, {1, 1, 2}, {0, 2, 0}, {0, 2, 3}, {1, 2, 3}, 40)},
      {"depthwise, three axes", shape_of(1, 17, 17, {4, 5, 6}, {2, 3, 2}, {1, 1, 1}, {1, 1, 0}, {0, 1, 1}, {1, 1, 1}, 17)},
      {"depthwise, 7x7", shape_of(3, 16, 16, {1, 7, 7}, {1, 7, 7}, {1, 1, 1}, {0, 3, 3}, {0, 3, 3}, {1, 1, 1}, 16)},
      {"depthwise, no images", shape_of(0, 16, 16, {1, 7, 7}, {1, 3, 3}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}, 16)},
      {"one axis", shape_of(3, 4, 6, {1, 1, 30}, {1, 1, 5}, {1, 1, 2}, {0, 0, 3}, {0, 0, 1})},
      {"three axes", shape_of(2, 3, 10, {5, 6, 7}, {3, 2, 3}, {1, 1, 1}, {1, 0, 1}, {1, 1, 1})},
      {"three axes, strided", shape_of(1, 2, 35, {7, 6, 9}, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1})},
      {"pads beyond the input", shape_of(1, 2, 3, {1, 2, 3}, {1, 2, 2}, {1, 1, 1}, {0, 4, 5}, {0, 3, 6})},
      {"several bands", shape_of(1, 64, 8, {1, 40, 60}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
      {"small images, in groups", shape_of(7, 200, 40, {1, 7, 7}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
      {"small images in place, in groups", shape_of(5, 600, 33, {1, 7, 7}, {1, 1, 1}, {1, 2, 2})},
      {"no images", shape_of(0, 3, 4, {1, 5, 5}, {1, 3, 3})},
      {"tiles of four", shape_of(2, 16, 16, {1, 8, 8}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
      {"tiles cut off", shape_of(3, 32, 48, {1, 7, 9}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
      {"tiles without pads", shape_of(2, 48, 32, {1, 11, 14}, {1, 3, 3})},
      {"tiles, lopsided pads", shape_of(1, 16, 80, {1, 12, 20}, {1, 3, 3}, {1, 1, 1}, {0, 2, 0}, {0, 0, 3})},
      {"tiles, pads beyond the input", shape_of(5, 16, 32, {1, 2, 3}, {1, 3, 3}, {1, 1, 1}, {0, 4, 5}, {0, 3, 6})},
      {"tiles, many rows", shape_of(1, 16, 64, {1, 40, 70}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
      {"tiles, many channels", shape_of(1, 160, 48, {1, 3, 5}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
      {"tiles, no images", shape_of(0, 16, 16, {1, 5, 6}, {1, 3, 3})},
      {"whole panels, many tiles", shape_of(2, 40, 64, {1, 5, 6}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
      {"few results", shape_of(2, 32, 3, {1, 5, 11}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
      {"few results, 1x1", shape_of(1, 64, 4, {1, 3, 7}, {1, 1, 1})},
      {"few results in groups", shape_of(1, 32, 4, {1, 4, 9}, {1, 2, 3}, {1, 1, 1}, {0, 1, 1}, {0, 0, 1}, {1, 1, 1}, 2)},
      {"few channels, strided", shape_of(2, 3, 16, {1, 9, 14}, {1, 5, 5}, {1, 2, 2}, {0, 2, 2}, {0, 2, 2})},
      {"few channels, stride beyond the kernel", shape_of(1, 2, 32, {1, 10, 11}, {1, 2, 2}, {1, 3, 4})},
      {"few products, many rows", shape_of(2, 1, 64, {1, 40, 29}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
      {"few products, two panels of each group",
       shape_of(1, 4, 96, {1, 9, 11}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}, 2)},
      {"few positions, strided", shape_of(3, 48, 40, {1, 14, 15}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 0})},
      {"few positions, dilated and strided",
       shape_of(1, 20, 33, {3, 11, 9}, {1, 2, 3}, {1, 3, 2}, {0, 2, 1}, {0, 1, 2}, {1, 2, 1})},
      {"1x1 strided, many rows", shape_of(2, 70, 36, {1, 37, 13}, {1, 1, 1}, {1, 2, 3})},
      {"1x1 strided, in groups", shape_of(1, 40, 24, {1, 9, 10}, {1, 1, 1}, {1, 2, 2}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}, 4)},
      {"1x1 strided, several planes", shape_of(1, 16, 18, {3, 6, 7}, {1, 1, 1}, {1, 2, 2}, {0, 1, 1})},
      {"few positions and results", shape_of(2, 32, 3, {1, 9, 11}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1})},
      {"few positions and products", shape_of(2, 16, 32, {1, 6, 15}, {1, 1, 2}, {1, 1, 2})},
      {"many outputs", shape_of(1, 3, 130, {1, 4, 4}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1})},
  };
  return all;
}

}  // namespace neurons::kernels
