#include "neurons/data/augmenter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <set>

#include "neurons/base/testing/counting_new.hpp"
#include "neurons/data/data_testing.hpp"
#include "neurons/data/loader.hpp"

namespace neurons {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using testing::message_of;

using Values = std::vector<float>;

/// Byte pictures; pixel i of sample n is value(n, i).
template <typename Value>
Dataset bytes(const Shape& shape, Value value) {
  Dataset data{.inputs = Tensor(DType::u8, shape), .targets = Tensor(DType::i64, {shape[0]}), .source = "pictures"};
  const auto inputs = data.inputs.values<std::uint8_t>();
  const auto size = static_cast<std::int64_t>(inputs.size()) / shape[0];
  for (std::int64_t i = 0; i < shape[0] * size; ++i) {
    inputs[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value(i / size, i % size));
  }
  for (std::int64_t i = 0; i < shape[0]; ++i) data.targets.values<std::int64_t>()[static_cast<std::size_t>(i)] = i % 3;
  return data;
}

/// One float picture [height, width] of value(x, y).
template <typename Value>
Dataset floats(std::int64_t height, std::int64_t width, Value value) {
  Dataset data{.inputs = Tensor(DType::f32, {1, height, width}), .targets = Tensor(DType::f32, {1, 1})};
  for (std::int64_t i = 0; i < height * width; ++i) {
    data.inputs.values<float>()[static_cast<std::size_t>(i)] = static_cast<float>(value(i % width, i / width));
  }
  return data;
}

Values draw(const Augmentation& options, const Dataset& data, std::int64_t epoch, std::int64_t index = 0) {
  Augmenter augmenter(options, data);
  Values out(static_cast<std::size_t>(data.input_shape().elements()), NAN);
  augmenter.write(11, epoch, index, out);
  return out;
}

constexpr std::int64_t kEpochs = 200;

TEST(Augmenter, WithoutOptionsGivesWhatTheNetworkSees) {
  Dataset data = bytes({3, 2, 3, 4}, [](std::int64_t n, std::int64_t i) { return 50 * n + 2 * i; });
  data.input_scale = 1.0F / 255;
  data.channel_means = {0.5F, 0.25F};
  data.channel_deviations = {0.5F, 2};
  const Tensor seen = data.scaled_inputs();
  for (std::int64_t n = 0; n < 3; ++n) {
    const auto expected = seen.values<float>().subspan(static_cast<std::size_t>(n) * 24, 24);
    EXPECT_THAT(draw({}, data, 5, n), ElementsAreArray(expected));
  }
}

TEST(Augmenter, MirrorsHalfOfThePictures) {
  const Dataset data = bytes({1, 2, 2, 3}, [](std::int64_t, std::int64_t i) { return i + 1; });
  const Values plain = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const Values across = {3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10};
  const Values upside = {4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9};
  const Values both = {6, 5, 4, 3, 2, 1, 12, 11, 10, 9, 8, 7};
  const auto count = [&](const Augmentation& options, const Values& wanted) {
    int found = 0;
    for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) found += draw(options, data, epoch) == wanted ? 1 : 0;
    return found;
  };
  EXPECT_NEAR(count({.flip_horizontal = true}, across), 100, 30);
  EXPECT_EQ(count({.flip_horizontal = true}, across) + count({.flip_horizontal = true}, plain), kEpochs);
  EXPECT_EQ(count({.flip_vertical = true}, upside) + count({.flip_vertical = true}, plain), kEpochs);
  const Augmentation all{.flip_horizontal = true, .flip_vertical = true};
  for (const Values& wanted : {plain, across, upside, both}) EXPECT_NEAR(count(all, wanted), 50, 25);
}

TEST(Augmenter, CropsMoveByWholePixels) {
  const std::int64_t height = 4;
  const std::int64_t width = 5;
  const Dataset data = bytes({1, height, width}, [](std::int64_t, std::int64_t i) { return i + 1; });
  for (const auto border : {Augmentation::Border::black, Augmentation::Border::edge}) {
    std::set<std::pair<int, int>> seen;
    for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
      const Values out = draw({.crop_padding = 1, .border = border}, data, epoch);
      for (int right = -1; right <= 1; ++right) {
        for (int down = -1; down <= 1; ++down) {
          Values moved;
          for (std::int64_t y = 0; y < height; ++y) {
            for (std::int64_t x = 0; x < width; ++x) {
              const std::int64_t from_x = std::clamp<std::int64_t>(x - right, 0, width - 1);
              const std::int64_t from_y = std::clamp<std::int64_t>(y - down, 0, height - 1);
              const bool outside = from_x != x - right || from_y != y - down;
              const bool black = outside && border == Augmentation::Border::black;
              moved.push_back(black ? 0 : static_cast<float>(from_y * width + from_x + 1));
            }
          }
          if (out == moved) seen.emplace(right, down);
        }
      }
    }
    EXPECT_EQ(seen.size(), 9U) << "every place occurs";
  }
}

/// A plane v = c + a (x - centre) + b (y - centre), which bilinear interpolation keeps; fitted to the middle of a picture.
struct Plane {
  double c, a, b;
  static Plane of(const Values& out, std::int64_t side) {
    const auto at = [&](std::int64_t x, std::int64_t y) {
      return static_cast<double>(out[static_cast<std::size_t>(y * side + x)]);
    };
    const std::int64_t m = side / 2;
    return {at(m, m), (at(m + 1, m) - at(m - 1, m)) / 2, (at(m, m + 1) - at(m, m - 1)) / 2};
  }
};

TEST(Augmenter, TurnsAboutTheMiddleUpToTheAngle) {
  const Dataset ramp = floats(21, 21, [](std::int64_t x, std::int64_t y) { return 100 + 3 * (x - 10) + 4 * (y - 10); });
  double most = 0;
  double least = 0;
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const Plane plane = Plane::of(draw({.rotate = 30}, ramp, epoch), 21);
    EXPECT_NEAR(plane.c, 100, 1e-3);
    EXPECT_NEAR(std::hypot(plane.a, plane.b), 5, 1e-3);
    const double angle = (std::atan2(plane.b, plane.a) - std::atan2(4.0, 3.0)) * 180 / std::numbers::pi;
    most = std::max(most, angle);
    least = std::min(least, angle);
  }
  EXPECT_GT(most, 25);
  EXPECT_LT(most, 30.01);
  EXPECT_LT(least, -25);
  EXPECT_GT(least, -30.01);
}

TEST(Augmenter, EnlargesAboutTheMiddleUpToTheFactor) {
  const Dataset ramp = floats(21, 21, [](std::int64_t x, std::int64_t y) { return 100 + 3 * (x - 10) + 4 * (y - 10); });
  double most = 0;
  double least = 9;
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const Plane plane = Plane::of(draw({.scale = 0.5}, ramp, epoch), 21);
    EXPECT_NEAR(plane.c, 100, 1e-3);
    EXPECT_NEAR(plane.a * 4, plane.b * 3, 1e-3);
    most = std::max(most, 3 / plane.a);
    least = std::min(least, 3 / plane.a);
  }
  EXPECT_GT(most, 1.4);
  EXPECT_LT(most, 1.5001);
  EXPECT_LT(least, 0.7);
  EXPECT_GT(least, 0.6666);
}

TEST(Augmenter, ShiftsBothWaysByFractionsOfPixels) {
  // v = 100 x + y: the whole number of hundreds tells how far it went right, the rest how far down.
  const Dataset ramp = floats(21, 21, [](std::int64_t x, std::int64_t y) { return 100 * (x - 10) + (y - 10); });
  double most = 0;
  bool fraction = false;
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const Plane plane = Plane::of(draw({.shift = 3}, ramp, epoch), 21);
    EXPECT_NEAR(plane.a, 100, 1e-2);
    EXPECT_NEAR(plane.b, 1, 1e-2);
    EXPECT_LE(std::abs(plane.c), 303.01);
    most = std::max(most, plane.c);
    fraction |= std::abs(std::remainder(plane.c, 100)) > 20;
  }
  EXPECT_GT(most, 250);
  EXPECT_TRUE(fraction);
}

TEST(Augmenter, WhatLeavesTheFrameShowsTheBorder) {
  const Dataset white = bytes({1, 9, 9}, [](std::int64_t, std::int64_t) { return 200; });
  bool dark = false;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    const Values out = draw({.rotate = 90, .scale = 0.9, .shift = 4}, white, epoch);
    EXPECT_THAT(out, Each(::testing::AllOf(::testing::Ge(0), ::testing::Le(200))));
    dark |= std::ranges::count(out, 0.0F) > 0;
    EXPECT_THAT(draw({.rotate = 90, .scale = 0.9, .shift = 4, .border = Augmentation::Border::edge}, white, epoch),
                Each(::testing::FloatNear(200, 1e-3F)));
  }
  EXPECT_TRUE(dark);
}

TEST(Augmenter, BrightnessMultipliesAndBytesStayBytes) {
  const Dataset data = bytes({1, 1, 1, 3}, [](std::int64_t, std::int64_t i) { return 10 + 100 * i; });
  bool clipped = false;
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const Values out = draw({.brightness = 0.5}, data, epoch);
    EXPECT_GE(out[0], 5);
    EXPECT_LE(out[0], 15);
    EXPECT_NEAR(out[1], 11 * out[0], 1e-3);
    EXPECT_NEAR(out[2], std::min(255.0F, 21 * out[0]), 1e-3);
    clipped |= out[2] == 255;
  }
  EXPECT_TRUE(clipped);
}

TEST(Augmenter, ContrastKeepsTheMeanAndSaturationTheGrey) {
  const Dataset grey = floats(1, 3, [](std::int64_t x, std::int64_t) { return 10 * x; });
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    const Values out = draw({.contrast = 0.4}, grey, epoch);
    EXPECT_NEAR(out[1], 10, 1e-4);
    EXPECT_NEAR(out[0] + out[2], 20, 1e-4);
    EXPECT_GE(out[2] - out[0], 20 * 0.6F - 1e-3F);
    EXPECT_LE(out[2] - out[0], 20 * 1.4F + 1e-3F);
  }
  const Dataset colour = bytes({1, 3, 1, 2}, [](std::int64_t, std::int64_t i) { return i % 2 == 0 ? 90 : 20 * (i + 1); });
  std::set<float> seen;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    const Values out = draw({.saturation = 0.5}, colour, epoch);
    for (const std::size_t channel : {0U, 2U, 4U}) EXPECT_NEAR(out[channel], 90, 1e-3) << "grey stays";
    EXPECT_NEAR(0.299 * out[1] + 0.587 * out[3] + 0.114 * out[5], 0.299 * 40 + 0.587 * 80 + 0.114 * 120, 1e-2);
    seen.insert(out[1]);
  }
  EXPECT_GT(seen.size(), 15U);
}

TEST(Augmenter, CutsOutASquareThatMayStandOver) {
  const Dataset data = bytes({1, 2, 6, 7}, [](std::int64_t, std::int64_t) { return 9; });
  std::set<std::int64_t> sizes;
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const Values out = draw({.cut_out = 4}, data, epoch);
    EXPECT_TRUE(std::equal(out.begin(), out.begin() + 42, out.begin() + 42)) << "the same of all channels";
    std::int64_t left = 7, right = -1, top = 6, bottom = -1, zeros = 0;
    for (std::int64_t i = 0; i < 42; ++i) {
      if (out[static_cast<std::size_t>(i)] == 9) continue;
      EXPECT_EQ(out[static_cast<std::size_t>(i)], 0);
      left = std::min(left, i % 7);
      right = std::max(right, i % 7);
      top = std::min(top, i / 7);
      bottom = std::max(bottom, i / 7);
      ++zeros;
    }
    EXPECT_EQ(zeros, (right - left + 1) * (bottom - top + 1));
    EXPECT_LE(right - left, 3);
    EXPECT_LE(bottom - top, 3);
    sizes.insert(zeros);
  }
  EXPECT_TRUE(sizes.contains(16));
  EXPECT_TRUE(sizes.contains(4)) << "in a corner";
}

TEST(Augmenter, MixesWithSharesFromBeta) {
  const Dataset data = bytes({50, 1, 2}, [](std::int64_t n, std::int64_t i) { return 5 * n + i; });
  for (const double alpha : {0.2, 1.0, 3.0}) {
    Augmenter augmenter({.mix_up = alpha}, data);
    double sum = 0;
    double squares = 0;
    std::set<std::int64_t> others;
    constexpr int kDraws = 4000;
    for (std::int64_t epoch = 0; epoch < kDraws; ++epoch) {
      Values out(2);
      const auto [other, share] = augmenter.write(1, epoch, 7, out);
      EXPECT_NEAR(out[0], share * 35 + (1 - share) * static_cast<float>(5 * other), 1e-3);
      others.insert(other);
      sum += static_cast<double>(share);
      squares += (static_cast<double>(share) - 0.5) * (static_cast<double>(share) - 0.5);
    }
    EXPECT_NEAR(sum / kDraws, 0.5, 0.03);
    EXPECT_NEAR(squares / kDraws, 1 / (4 * (2 * alpha + 1)), 0.01);  // variance of Beta(α, α)
    EXPECT_EQ(others.size(), 50U);
  }
}

constexpr Augmentation kEverything{.flip_horizontal = true,
                                   .rotate = 20,
                                   .scale = 0.2,
                                   .shift = 1.5,
                                   .crop_padding = 2,
                                   .brightness = 0.3,
                                   .contrast = 0.3,
                                   .saturation = 0.3,
                                   .cut_out = 3,
                                   .mix_up = 0.4};

Dataset colourful(std::int64_t samples, std::int64_t side = 8) {
  Dataset data = bytes({samples, 3, side, side}, [](std::int64_t n, std::int64_t i) { return (n * 31 + i * 7) % 256; });
  data.input_scale = 1.0F / 255;
  return data;
}

/// Inputs and targets of each sample in an epoch.
std::vector<std::pair<Values, Values>> epoch_of(Loader& loader, const Dataset& data) {
  std::vector<std::pair<Values, Values>> seen(static_cast<std::size_t>(data.samples()));
  const auto width = static_cast<std::size_t>(data.input_shape().elements());
  for (bool last = false; !last;) {
    const std::int64_t rows = loader.next_rows();
    Tensor inputs(DType::f32, data.inputs.shape().with(0, rows));
    Tensor targets(loader.target_type(rows));
    loader.start({{DType::f32, inputs.shape(), inputs.bytes().data()},
                  {targets.dtype(), targets.shape(), targets.bytes().data()},
                  std::nullopt});
    const BatchInfo info = loader.wait();
    last = info.last_of_epoch;
    for (std::size_t row = 0; row < info.indices.size(); ++row) {
      const auto input = inputs.values<float>().subspan(row * width, width);
      const auto target = targets.values<float>().subspan(row * 3, 3);
      seen[static_cast<std::size_t>(info.indices[row])] = {{input.begin(), input.end()}, {target.begin(), target.end()}};
    }
  }
  return seen;
}

TEST(AugmentingLoader, ASampleLooksAlikeWhateverItsBatchAndThread) {
  const Dataset data = colourful(23);
  Loader first(data, {.batch_size = 5, .seed = 3, .augment = kEverything});
  Loader second(data, {.batch_size = 23, .shuffle = false, .seed = 3, .prefetch = false, .augment = kEverything});
  const auto expected = epoch_of(first, data);
  EXPECT_EQ(epoch_of(second, data), expected);
  EXPECT_NE(epoch_of(first, data), expected) << "the next epoch looks different";
  Loader other(data, {.batch_size = 5, .seed = 4, .augment = kEverything});
  EXPECT_NE(epoch_of(other, data), expected) << "and so does another seed";
  for (const auto& [input, target] : expected) EXPECT_NEAR(target[0] + target[1] + target[2], 1, 1e-6);
}

TEST(AugmentingLoader, LargeBatchesAreTheSameOnAThreadOfTheirOwn) {
  const Dataset data = colourful(40, 32);  // 12 KiB a picture
  Loader ahead(data, {.batch_size = 16, .seed = 3, .augment = kEverything});
  Loader plain(data, {.batch_size = 16, .seed = 3, .prefetch = false, .augment = kEverything});
  EXPECT_EQ(epoch_of(ahead, data), epoch_of(plain, data));
}

TEST(AugmentingLoader, ContinuesInTheMiddleOfAnEpoch) {
  const Dataset data = colourful(23);
  const LoaderOptions options{.batch_size = 5, .seed = 3, .augment = kEverything};
  Loader loader(data, options);
  const auto expected = epoch_of(loader, data);
  Loader again(data, options);
  again.restore({3, 0, 10});
  const auto rest = epoch_of(again, data);
  std::size_t compared = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i].first.empty()) continue;  // among the first ten
    EXPECT_EQ(rest[i], expected[i]);
    ++compared;
  }
  EXPECT_EQ(compared, 13U);
}

TEST(AugmentingLoader, ABatchAllocatesNothing) {
  const Dataset data = colourful(64, 8);
  Loader loader(data, {.batch_size = 32, .seed = 1, .prefetch = false, .augment = kEverything});
  Tensor inputs(DType::f32, {32, 3, 8, 8});
  Tensor targets(DType::f32, {32, 3});
  const BatchViews views{
      {DType::f32, inputs.shape(), inputs.bytes().data()}, {DType::f32, targets.shape(), targets.bytes().data()}, std::nullopt};
  const long before = testing::allocations_here();
  for (int step = 0; step < 10; ++step) {
    loader.start(views);
    loader.wait();
  }
  EXPECT_EQ(testing::allocations_here(), before);
}

TEST(AugmentingLoader, LabelsBecomeShares) {
  const Dataset data = bytes({3, 1, 1}, [](std::int64_t n, std::int64_t) { return n; });
  Loader loader(data, {.batch_size = 3, .shuffle = false, .label_columns = 3});
  EXPECT_EQ(loader.target_type(2), (TensorType{DType::f32, {2, 3}}));
  const auto seen = epoch_of(loader, data);
  EXPECT_EQ(seen[1].second, (Values{0, 1, 0}));
  EXPECT_EQ(seen[2].second, (Values{0, 0, 1}));
  EXPECT_EQ(message_of([&] { Loader(data, {.batch_size = 3, .label_columns = 2}); }), "loader: label 2 has no place in 2 columns");
  EXPECT_EQ(message_of([&] { Loader(data, {.batch_size = 3, .label_columns = 1}); }), "loader: label 2 has no place in 1 columns");
}

TEST(Augmentation, RefusesWhatMakesNoSense) {
  const Dataset data = colourful(4);
  const auto refusal = [&](const Augmentation& options) { return message_of([&] { check_augmentation(options, data); }); };
  EXPECT_EQ(refusal({.rotate = -1}), "augment: rotate = -1 must be from 0 to 180");
  EXPECT_EQ(refusal({.shift = NAN}), "augment: shift = nan must be from 0 to 10000");
  EXPECT_EQ(refusal({.brightness = 1.5}), "augment: brightness = 1.5 must be from 0 to 1");
  EXPECT_EQ(refusal({.mix_up = INFINITY}), "augment: mix_up = inf must be from 0 to 100");
  EXPECT_EQ(refusal({.crop_padding = 8}),
            "augment: crop_padding = 8 leaves nothing of the pictures of pictures, which are 8×8 pixels");
  EXPECT_THAT(refusal({.cut_out = 9}), HasSubstr("cut_out = 9 leaves nothing"));
  EXPECT_EQ(refusal({.crop_padding = -1}), "augment: crop_padding = -1 must be from 0 to 10000");
  const Dataset grey = bytes({2, 4, 4}, [](std::int64_t, std::int64_t i) { return i; });
  EXPECT_EQ(message_of([&] { check_augmentation({.saturation = 0.1}, grey); }),
            "augment: saturation needs pictures of 3 channels, but those of pictures have 1");
  Dataset table{.inputs = Tensor(DType::f32, {2, 4}), .targets = Tensor(DType::i64, {2}), .source = "iris.csv"};
  EXPECT_EQ(message_of([&] { Loader(table, {.batch_size = 1, .augment = Augmentation{}}); }),
            "augment: needs pictures [channels, height, width] or [height, width], but the samples of iris.csv have shape [4]");
}

}  // namespace
}  // namespace neurons
