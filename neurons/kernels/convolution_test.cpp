#include "neurons/kernels/convolution.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/base/random.hpp"
#include "neurons/kernels/convolution_cases_testing.hpp"
#include "neurons/kernels/simd_targets_test.hpp"

namespace neurons::kernels {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kZone = 64;
constexpr float kRedZone = -12345.0F;

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
