#include "neurons/kernels/convolution.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/base/random.hpp"
#include "neurons/kernels/simd_targets_test.hpp"

namespace neurons::kernels {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kZone = 64;
constexpr float kRedZone = -12345.0F;

using Axes = ConvolutionShape::Axes;

/// Floats with a red zone before and behind them.
struct Block {
  std::vector<float> all;
  Block(std::int64_t count, float fill) : all(static_cast<std::size_t>(count) + 2 * kZone, kRedZone) {
    std::fill_n(data(), count, fill);
  }
  float* data() { return all.data() + kZone; }
  const float* data() const { return all.data() + kZone; }
  std::int64_t size() const { return static_cast<std::int64_t>(all.size() - 2 * kZone); }
  float at(std::int64_t i) const { return data()[i]; }
  Block& randomise(std::uint64_t seed) {
    RandomStream random(seed);
    for (std::int64_t i = 0; i < size(); ++i) data()[i] = static_cast<float>(random.normal());
    return *this;
  }
  void expect_intact() const {
    for (std::size_t i = 0; i < kZone; ++i) {
      ASSERT_EQ(all[i], kRedZone) << "before, " << i;
      ASSERT_EQ(all[all.size() - 1 - i], kRedZone) << "behind, " << i;
    }
  }
};

struct Case {
  std::string name;
  ConvolutionShape shape;

  std::int64_t x_count() const { return shape.batch * shape.input_pixels() * shape.channels; }
  std::int64_t y_count() const { return shape.batch * shape.output_pixels() * shape.outputs; }
  std::int64_t w_count() const { return shape.outputs * (shape.channels / shape.groups) * shape.taps(); }
  std::int64_t panel_count() const { return shape.packed_elements(); }
};

/// Outputs follow from the pads at both ends.
ConvolutionShape shape_of(std::int64_t batch, std::int64_t channels, std::int64_t outputs, const Axes& input, const Axes& kernel,
                          const Axes& stride = {1, 1, 1}, const Axes& pad = {0, 0, 0}, const Axes& pad_end = {0, 0, 0},
                          const Axes& dilation = {1, 1, 1}, std::int64_t groups = 1) {
  ConvolutionShape shape{batch, channels, outputs, groups, input, {}, kernel, stride, dilation, pad};
  for (std::size_t i = 0; i < 3; ++i) {
    shape.output[i] = (input[i] + pad[i] + pad_end[i] - (kernel[i] - 1) * dilation[i] - 1) / stride[i] + 1;
  }
  return shape;
}

const std::vector<Case>& cases() {
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

/// Calls visit(x index, w index, y index) for every product of the convolution, as plain loops.
void for_each_product(const ConvolutionShape& s, const std::function<void(std::int64_t, std::int64_t, std::int64_t)>& visit) {
  const std::int64_t channels = s.channels / s.groups;
  const std::int64_t outputs = s.outputs / s.groups;
  for (std::int64_t n = 0; n < s.batch; ++n) {
    for (std::int64_t p = 0; p < s.output_pixels(); ++p) {
      const Axes at{p / s.output[2] / s.output[1], p / s.output[2] % s.output[1], p % s.output[2]};
      for (std::int64_t t = 0; t < s.taps(); ++t) {
        const Axes tap{t / s.kernel[2] / s.kernel[1], t / s.kernel[2] % s.kernel[1], t % s.kernel[2]};
        std::int64_t pixel = 0;
        bool inside = true;
        for (std::size_t i = 0; i < 3; ++i) {
          const std::int64_t place = at[i] * s.stride[i] + tap[i] * s.dilation[i] - s.pad[i];
          inside = inside && place >= 0 && place < s.input[i];
          pixel = pixel * s.input[i] + place;
        }
        if (!inside) continue;
        for (std::int64_t o = 0; o < s.outputs; ++o) {
          for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t channel = o / outputs * channels + c;
            visit((n * s.input_pixels() + pixel) * s.channels + channel, (o * channels + c) * s.taps() + t,
                  (n * s.output_pixels() + p) * s.outputs + o);
          }
        }
      }
    }
  }
}

/// Every worker's share, one after the other, each with scratch full of NaN.
void run_workers(const PreparedConvolution& prepared, int workers) {
  const std::size_t bytes = prepared.scratch_bytes();
  for (int worker = workers - 1; worker >= 0; --worker) {
    AlignedBuffer scratch(bytes + kAlignment);
    std::fill_n(reinterpret_cast<float*>(scratch.data()), bytes / sizeof(float), kNan);
    std::memset(scratch.data() + bytes, 0x5A, kAlignment);
    prepared.run(scratch.data(), {worker, workers});
    for (std::size_t i = 0; i < kAlignment; ++i) ASSERT_EQ(scratch.data()[bytes + i], std::byte{0x5A});
  }
}

/// The same program on the tile: twice its value. Counts what it sees.
struct Doubling {
  std::vector<int> seen;
  Program program;
  Doubling(std::int64_t rows, std::int64_t columns) : seen(static_cast<std::size_t>(rows * columns)) {
    program.rows = rows;
    program.columns = columns;
    program.externals = {{reinterpret_cast<std::byte*>(seen.data()), sizeof(int), columns, 1, {}}};
    program.instructions.push_back(
        {&twice, {{Operand::Place::tile, 0}, {Operand::Place::external, 0}, {Operand::Place::tile, 0}}, nullptr});
  }
  static void twice(const Tile& tile) noexcept {
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      for (std::int64_t c = 0; c < tile.columns; ++c) {
        ++at<int>(tile.streams[1], r, c);
        at<float>(tile.streams[2], r, c) = 2.0F * at<float>(tile.streams[0], r, c);
      }
    }
  }
};

/// With and without an epilogue, by every method that takes the shape.
struct Variant {
  bool with_epilogue;
  ConvolutionMethod method;
};
std::vector<Variant> variants(const ConvolutionShape& shape) {
  std::vector<Variant> all = {{false, ConvolutionMethod::direct}, {true, ConvolutionMethod::direct}};
  if (!refuse_winograd(shape).empty()) return all;
  for (const auto method : {ConvolutionMethod::winograd_2x2, ConvolutionMethod::winograd_4x4}) {
    all.insert(all.end(), {{false, method}, {true, method}});
  }
  return all;
}

/// Sums of products in double precision, at the index that `target` picks.
struct Expected {
  std::vector<double> values;
  std::vector<double> magnitudes;
  std::vector<int> terms;
  explicit Expected(std::int64_t count)
      : values(static_cast<std::size_t>(count)), magnitudes(values), terms(static_cast<std::size_t>(count)) {}
  void add(std::int64_t index, double a, double b) {
    const auto i = static_cast<std::size_t>(index);
    values[i] += a * b;
    magnitudes[i] += std::abs(a * b);
    ++terms[i];
  }
};

/// |actual - expected| within what the roundings of that many terms of that size may give. Results of a tile share roundings: an
/// error of Winograd's is small beside the largest sum.
void expect_near(const Block& actual, const Expected& expected, ConvolutionMethod method) {
  ASSERT_EQ(static_cast<std::size_t>(actual.size()), expected.values.size());
  const double largest = expected.magnitudes.empty() ? 0 : std::ranges::max(expected.magnitudes);
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const double own = 1.2e-7 * expected.magnitudes[i] * (expected.terms[i] + 2);
    const double tolerance = method == ConvolutionMethod::direct ? own : 1e-6 * largest;
    ASSERT_NEAR(static_cast<double>(actual.at(static_cast<std::int64_t>(i))), expected.values[i], tolerance + 1e-30)
        << "element " << i;
  }
}

class ConvolutionTest : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { use_simd_target(GetParam()); }
  void TearDown() override { use_simd_target(0); }

  template <typename Check>
  static void for_each_case(const Check& check) {
    for (const Case& test : cases()) {
      SCOPED_TRACE(test.name);
      check(test);
      if (HasFatalFailure()) return;
    }
  }
  static Block packed(const Case& test, const Block& weights) {
    Block panels(test.panel_count(), kNan);
    pack_convolution(test.shape, weights.data(), panels.data(), {});
    return panels;
  }
  /// Runs with one worker and with more: equal bits, red zones intact.
  static void run_again(Block& result, const std::function<PreparedConvolution()>& prepare) {
    const Block before = result;
    std::vector<Block> shared;
    for (const int workers : {2, 9}) {
      result = before;
      run_workers(prepare(), workers);
      shared.push_back(result);
    }
    result = before;
    run_workers(prepare(), 1);
    result.expect_intact();
    for (const Block& other : shared) {
      other.expect_intact();
      ASSERT_EQ(std::memcmp(other.data(), result.data(), static_cast<std::size_t>(result.size()) * sizeof(float)), 0)
          << "more workers give other bits";
    }
  }
};

TEST_P(ConvolutionTest, PanelsHoldEveryWeightOnce) {
  for_each_case([](const Case& test) {
    const Block weights = Block(test.w_count(), 0).randomise(1);
    Block panels(test.panel_count(), kNan);
    for (int worker = 0; worker < 3; ++worker) pack_convolution(test.shape, weights.data(), panels.data(), {worker, 3});
    panels.expect_intact();
    Block back(test.w_count(), kNan);
    for (int worker = 0; worker < 2; ++worker) unpack_convolution(test.shape, panels.data(), back.data(), {worker, 2});
    ASSERT_EQ(back.all, weights.all);
  });
}

TEST_P(ConvolutionTest, ForwardIsTheSumOfItsWindow) {
  for_each_case([](const Case& test) {
    const Block x = Block(test.x_count(), 0).randomise(1);
    const Block weights = Block(test.w_count(), 0).randomise(2);
    const Block bias = Block(test.shape.outputs, 0).randomise(3);
    const Block panels = packed(test, weights);
    Expected expected(test.y_count());
    for (std::int64_t i = 0; i < test.y_count(); ++i) expected.add(i, 1, static_cast<double>(bias.at(i % test.shape.outputs)));
    for_each_product(test.shape, [&](std::int64_t a, std::int64_t b, std::int64_t c) {
      expected.add(c, static_cast<double>(x.at(a)), static_cast<double>(weights.at(b)));
    });
    for (const Variant& variant : variants(test.shape)) {
      Block y(test.y_count(), kNan);
      Doubling doubling(test.shape.batch * test.shape.output_pixels(), test.shape.outputs);
      run_again(y, [&] {
        std::ranges::fill(doubling.seen, 0);
        return PreparedConvolution(ConvolutionForward{test.shape, x.data(), panels.data(), bias.data(), y.data(),
                                                      variant.with_epilogue ? &doubling.program : nullptr},
                                   variant.method);
      });
      if (variant.with_epilogue) {
        ASSERT_THAT(doubling.seen, ::testing::Each(1));
        for (std::int64_t i = 0; i < y.size(); ++i) y.data()[i] /= 2;
      }
      expect_near(y, expected, variant.method);
    }
  });
}

TEST_P(ConvolutionTest, InputGradientGathersWhatEachInputReached) {
  for_each_case([](const Case& test) {
    const Block dy = Block(test.y_count(), 0).randomise(1);
    const Block weights = Block(test.w_count(), 0).randomise(2);
    const Block panels = packed(test, weights);
    const std::int64_t count = test.shape.transposed_elements();
    Block transposed(count, kNan);
    const auto taps = transposed_taps(test.shape);
    for (int worker = 0; worker < 2; ++worker)
      transpose_convolution(test.shape, taps, panels.data(), transposed.data(), {worker, 2});
    transposed.expect_intact();
    const Block bias = Block(test.shape.channels, 0).randomise(3);
    Expected expected(test.x_count());
    for (std::int64_t i = 0; i < test.x_count(); ++i) expected.add(i, 1, static_cast<double>(bias.at(i % test.shape.channels)));
    for_each_product(test.shape, [&](std::int64_t a, std::int64_t b, std::int64_t c) {
      expected.add(a, static_cast<double>(dy.at(c)), static_cast<double>(weights.at(b)));
    });
    for (const Variant& variant : variants(test.shape)) {
      Block dx(test.x_count(), kNan);
      Doubling doubling(test.shape.batch * test.shape.input_pixels(), test.shape.channels);
      run_again(dx, [&] {
        std::ranges::fill(doubling.seen, 0);
        return PreparedConvolution(ConvolutionInputGradient{test.shape, dy.data(), transposed.data(), bias.data(), dx.data(),
                                                            variant.with_epilogue ? &doubling.program : nullptr},
                                   variant.method);
      });
      if (variant.with_epilogue) {
        ASSERT_THAT(doubling.seen, ::testing::Each(1));
        for (std::int64_t i = 0; i < dx.size(); ++i) dx.data()[i] /= 2;
      }
      expect_near(dx, expected, variant.method);
    }
  });
}

TEST_P(ConvolutionTest, WeightGradientSumsOverAllPositions) {
  for_each_case([](const Case& test) {
    const Block x = Block(test.x_count(), 0).randomise(1);
    const Block dy = Block(test.y_count(), 0).randomise(2);
    Expected expected(test.w_count());
    for_each_product(test.shape, [&](std::int64_t a, std::int64_t b, std::int64_t c) {
      expected.add(b, static_cast<double>(x.at(a)), static_cast<double>(dy.at(c)));
    });
    const std::int64_t width = test.shape.packed()[2];
    for (const Variant& variant : variants(test.shape)) {
      Block panels(test.panel_count(), kNan);
      Doubling doubling(test.panel_count() / width, width);
      run_again(panels, [&] {
        std::ranges::fill(doubling.seen, 0);
        return PreparedConvolution(ConvolutionWeightGradient{test.shape, x.data(), dy.data(), panels.data(),
                                                             variant.with_epilogue ? &doubling.program : nullptr},
                                   variant.method);
      });
      Block dw(test.w_count(), kNan);
      unpack_convolution(test.shape, panels.data(), dw.data(), {});
      if (variant.with_epilogue) {
        ASSERT_THAT(doubling.seen, ::testing::Each(1));
        for (std::int64_t i = 0; i < dw.size(); ++i) dw.data()[i] /= 2;
      } else {
        ASSERT_EQ(packed(test, dw).all, panels.all) << "padding is 0";
      }
      expect_near(dw, expected, variant.method);
    }
  });
}

TEST_P(ConvolutionTest, InfinitiesAndNanReachTheWindowsThatSeeThem) {
  for (const std::int64_t channels : {1, 16}) {
    const ConvolutionShape shape = shape_of(1, channels, 1, {1, 1, 5}, {1, 1, 3}, {1, 1, 1}, {0, 0, 1}, {0, 0, 1});
    const Case test{"", shape};
    Block x(test.x_count(), 1);
    x.data()[0] = kNan;
    x.data()[4 * channels] = std::numeric_limits<float>::infinity();
    const Block weights(test.w_count(), 1);
    const Block panels = packed(test, weights);
    Block y(5, 0);
    run_workers(PreparedConvolution(ConvolutionForward{shape, x.data(), panels.data(), nullptr, y.data(), nullptr}), 1);
    EXPECT_TRUE(std::isnan(y.at(0)) && std::isnan(y.at(1)));
    EXPECT_EQ(y.at(2), static_cast<float>(3 * channels));
    EXPECT_TRUE(std::isinf(y.at(3)) && std::isinf(y.at(4)));
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, ConvolutionTest, ::testing::ValuesIn(simd_targets()),
                         [](const auto& chosen) { return simd_target_name(chosen.param); });

}  // namespace
}  // namespace neurons::kernels
