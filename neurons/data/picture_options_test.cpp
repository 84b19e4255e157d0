#include "neurons/data/picture_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "neurons/data/data_testing.hpp"
#include "neurons/data/resample.hpp"

namespace neurons {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using testing::message_of;

using Bytes = std::vector<std::uint8_t>;
using Fit = PictureOptions::Fit;
using Filter = PictureOptions::Filter;

Tensor picture(const Shape& shape, const Bytes& values) { return Tensor::of<std::uint8_t>(shape, values); }

Bytes prepared(const Tensor& given, const PictureShape& shape, const PictureOptions& options = {}) {
  Bytes out(shape.elements(), 99);
  prepare_picture(view_of(given), shape, options, out);
  return out;
}

TEST(Resample, SharesAddUpToOneAndStayInside) {
  for (const std::int64_t from : {1, 2, 3, 7, 100}) {
    for (const std::int64_t into : {1, 2, 5, 64}) {
      for (const bool area : {false, true}) {
        const auto size = static_cast<double>(from);
        const Resample axis = area ? Resample::area(from, 0, size, into) : Resample::bilinear(from, 0, size, into);
        ASSERT_EQ(static_cast<std::int64_t>(axis.pixels.size()), into);
        for (const auto& [first, shares] : axis.pixels) {
          EXPECT_GE(first, 0);
          EXPECT_LE(first + static_cast<std::int64_t>(shares.size()), from);
          EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0F), 1, 1e-6);
        }
      }
    }
  }
}

TEST(PreparePicture, AreaIsTheMeanOfWhatAPixelCovers) {
  EXPECT_EQ(prepared(picture({1, 2, 4}, {0, 10, 20, 30, 4, 14, 24, 34}), {1, 1, 2}), (Bytes{7, 27}));
  // Three pixels to two: 1 and half of the second; half of the second and the third.
  EXPECT_EQ(prepared(picture({1, 1, 3}, {30, 60, 120}), {1, 1, 2}), (Bytes{40, 100}));
}

TEST(PreparePicture, BilinearLiesBetweenTheNearestMiddles) {
  // One pixel of four: middles at 0.25, 0.75 (from the first pixel's middle at 0) …
  EXPECT_EQ(prepared(picture({1, 1, 2}, {0, 100}), {1, 1, 4}), (Bytes{0, 25, 75, 100}));
  // Shrunk without area it looks between two pixels only: middles 0.5 and 2.5.
  EXPECT_EQ(prepared(picture({1, 1, 4}, {0, 10, 20, 200}), {1, 1, 2}, {.filter = Filter::bilinear}), (Bytes{5, 110}));
  EXPECT_EQ(prepared(picture({1, 1, 2}, {0, 100}), {1, 1, 4}, {.filter = Filter::area}), (Bytes{0, 0, 100, 100}));
}

TEST(PreparePicture, OfItsOwnSizeStaysAsItIs) {
  Bytes values(3 * 5 * 4);
  std::iota(values.begin(), values.end(), std::uint8_t{0});
  for (const Fit fit : {Fit::stretch, Fit::crop, Fit::pad}) {
    EXPECT_EQ(prepared(picture({3, 5, 4}, values), {3, 5, 4}, {.fit = fit}), values);
  }
}

TEST(PreparePicture, AnEvenPictureStaysEvenAtAnySize) {
  for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {3, 17}, {40, 9}}) {
    for (const Filter filter : {Filter::automatic, Filter::bilinear, Filter::area}) {
      for (const Fit fit : {Fit::stretch, Fit::crop}) {
        EXPECT_THAT(prepared(picture({1, height, width}, Bytes(static_cast<std::size_t>(height * width), 171)), {1, 12, 7},
                             {.fit = fit, .filter = filter}),
                    Each(171));
      }
    }
  }
}

TEST(PreparePicture, CropsWhatStandsOverAndPadsWhatIsMissing) {
  const Tensor wide = picture({1, 2, 6}, {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16});
  EXPECT_EQ(prepared(wide, {1, 2, 2}, {.fit = Fit::crop}), (Bytes{3, 4, 13, 14}));
  EXPECT_EQ(prepared(wide, {1, 4, 6}, {.fit = Fit::pad}),
            (Bytes{0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16, 0, 0, 0, 0, 0, 0}));
  const Tensor high = picture({1, 4, 1}, {8, 16, 24, 32});
  EXPECT_EQ(prepared(high, {1, 2, 2}, {.fit = Fit::crop, .filter = Filter::area}), (Bytes{16, 16, 24, 24}));
  EXPECT_EQ(prepared(high, {1, 2, 3}, {.fit = Fit::pad}), (Bytes{0, 12, 0, 0, 28, 0}));
}

TEST(PreparePicture, ChangesColours) {
  const Tensor colour = picture({3, 1, 2}, {255, 10, 0, 20, 0, 30});
  EXPECT_EQ(prepared(colour, {1, 1, 2}), (Bytes{76, 18}));  // 0.299 · 255 = 76.2; 2.99 + 11.74 + 3.42 = 18.15
  EXPECT_EQ(prepared(picture({1, 1, 2}, {7, 9}), {3, 1, 2}), (Bytes{7, 9, 7, 9, 7, 9}));
}

Dataset pictures(const Shape& shape) {
  Dataset data{
      .inputs = Tensor(DType::u8, shape), .targets = Tensor(DType::i64, {shape[0]}), .input_scale = 1.0F / 255, .source = "p"};
  const auto values = data.inputs.values<std::uint8_t>();
  std::iota(values.begin(), values.end(), std::uint8_t{0});
  return data;
}

TEST(PreparePictures, ResizesAWholeDataset) {
  Dataset data = pictures({2, 2, 2});
  prepare_pictures(data, {.size = {1}});
  EXPECT_EQ(data.inputs, picture({2, 1, 1}, {2, 6}));  // 1.5 and 5.5, rounded
  data = pictures({2, 2, 2});
  prepare_pictures(data, {.size = {2, 1}, .colour = PictureOptions::Colour::colour});
  EXPECT_EQ(data.inputs, picture({2, 3, 2, 1}, {1, 3, 1, 3, 1, 3, 5, 7, 5, 7, 5, 7}));
  data = pictures({1, 3, 2, 1});
  prepare_pictures(data, {.colour = PictureOptions::Colour::grey});
  EXPECT_EQ(data.inputs, picture({1, 1, 2, 1}, {2, 3}));
  data.inputs = Tensor(DType::f32, {1, 2, 2});
  EXPECT_THAT(message_of([&] { prepare_pictures(data, {.size = {4}}); }),
              HasSubstr("p: its samples are f32 [2, 2], but pictures are"));
}

TEST(ChannelStatistics, AreMeanAndDeviationOfEachChannel) {
  Dataset data{.inputs = picture({2, 2, 1, 2}, {0, 255, 51, 51, 255, 0, 51, 51}),
               .targets = Tensor(DType::i64, {2}),
               .input_scale = 1.0F / 255};
  const ChannelStatistics found = channel_statistics(data);
  EXPECT_THAT(found.means, ElementsAre(0.5F, ::testing::FloatNear(0.2F, 1e-6F)));
  EXPECT_THAT(found.deviations, ElementsAre(0.5F, 1.0F)) << "a constant channel is only shifted";
  data.channel_means = found.means;
  data.channel_deviations = found.deviations;
  const Tensor seen = data.scaled_inputs();
  const auto values = seen.values<float>();
  EXPECT_THAT(std::vector<float>(values.begin(), values.begin() + 2), ElementsAre(-1, 1));
  EXPECT_NEAR(values[2], 0, 1e-6);
  Dataset none{.inputs = Tensor(DType::u8, {2, 3}), .targets = Tensor(DType::i64, {2}), .source = "iris"};
  EXPECT_EQ(message_of([&] { channel_statistics(none); }), "iris: holds no pictures whose channels could be standardised");
}

TEST(PictureOptions, OneChannelHasAnAxisOrNone) {
  for (const DType dtype : {DType::u8, DType::f32}) {
    Dataset data;
    data.inputs = Tensor(dtype, {2, 3, 4});
    set_picture_rank(data, 3);
    EXPECT_EQ(data.inputs.shape(), (Shape{2, 1, 3, 4}));
    set_picture_rank(data, 3);
    EXPECT_EQ(data.inputs.shape(), (Shape{2, 1, 3, 4}));
    set_picture_rank(data, 1);
    EXPECT_EQ(data.inputs.shape(), (Shape{2, 1, 3, 4}));
    set_picture_rank(data, 2);
    EXPECT_EQ(data.inputs.shape(), (Shape{2, 3, 4}));
  }
  for (const Tensor& other : {Tensor(DType::u8, {2, 3, 4, 4}), Tensor(DType::i64, {2, 3, 4}), Tensor(DType::f32, {2, 3})}) {
    Dataset data;
    data.inputs = other;
    set_picture_rank(data, 3);
    EXPECT_EQ(data.inputs.shape(), other.shape());
  }
}

TEST(PictureOptions, SayWhatMakesNoSense) {
  const auto complaint = [](const PictureOptions& options) {
    const auto bad = check_numbers(options).bad();
    return bad ? bad->key + " " + bad->complaint : "";
  };
  EXPECT_EQ(complaint({}), "");
  EXPECT_EQ(complaint({.size = {28, 0}}), "size[1] = 0 must be from 1 to 16384");
  EXPECT_EQ(complaint({.size = {1, 2, 3}}), "size has more than two numbers, expected [height, width] or [side]");
  EXPECT_EQ(complaint({.means = {0.5F}}), "means needs as many of the other: means and deviations go together");
  EXPECT_EQ(complaint({.means = {0.5F}, .deviations = {0}}), "deviations[0] must be positive");
  EXPECT_EQ(complaint({.means = {1, 2}, .deviations = {1, 1}}),
            "means must be one number for grey pictures, three for coloured ones");
}

}  // namespace
}  // namespace neurons
