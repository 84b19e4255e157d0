#include "neurons/layers/resizing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/run_network_testing.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;

/// What one layer makes of [[1, 2], [3, 5]].
std::vector<float> values_of(const Layer& layer) {
  return testing::run_network(Sequential({1, 2, 2}, {layer}), {{"x", Tensor::of<float>({1, 1, 2, 2}, {1, 2, 3, 5})}}).at("y");
}

TEST(Upsample2d, RepeatsPixelsOrFillsBetweenThem) {
  EXPECT_THAT(values_of(Upsample2d{}), ElementsAre(1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 5, 5, 3, 3, 5, 5));
  EXPECT_THAT(values_of(Upsample2d{{1, 3}}), ElementsAre(1, 1, 1, 2, 2, 2, 3, 3, 3, 5, 5, 5));
  EXPECT_THAT(values_of(Upsample2d{{1, 2}, "linear"}), ElementsAre(1, 1.25F, 1.75F, 2, 3, 3.5F, 4.5F, 5));
}

TEST(Resize2d, GoesToASize) {
  EXPECT_THAT(values_of(Resize2d{1}), ElementsAre(2.75F));
  EXPECT_THAT(values_of(Resize2d{{1, 2}}), ElementsAre(2, 3.5F));
  EXPECT_THAT(values_of(Resize2d{{3, 1}, "nearest"}), ElementsAre(1, 1, 3));
  Sequential line({1, 1, 8}, Resize2d{.size = {1, 2}, .antialias = true});  // a triangle over 8 pixels, cut at the border
  const Tensor x = Tensor::of<float>({1, 1, 1, 8}, {8, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_THAT(testing::run_network(line, {{"x", x}}).at("y"),
              ElementsAre(::testing::FloatEq(8 * 0.625F / (2 * (0.625F + 0.875F) + 0.375F + 0.125F)), 0));
}

TEST(Resizing, SaysWhatDoesNotFit) {
  const auto complaint = [](const Layer& layer, const Shape& sample) {
    return testing::message_of([&] { Sequential(sample, {layer}).initialize(1); });
  };
  EXPECT_EQ(complaint(Upsample2d{}, {4, 4}),
            "upsample2d1: expects [batch, channels, height, width], got [1, 4, 4]; add a Reshape with one channel before it");
  EXPECT_EQ(complaint(Upsample2d{0}, {1, 4, 4}), "upsample2d1: factor = 0 must be at least 1");
  EXPECT_EQ(complaint(Upsample2d{1 << 21}, {1, 4, 4}), "upsample2d1: factor = 2097152 is more than 1048576");
  EXPECT_EQ(complaint(Upsample2d{2, "bilinear"}, {1, 4, 4}),
            "upsample2d1: mode = \"bilinear\", expected \"nearest\", \"linear\" or \"cubic\"");
  EXPECT_EQ(complaint(Resize2d{.size = 3, .mode = "nearest", .antialias = true}, {1, 4, 4}),
            "resize2d1: antialias needs the mode \"linear\" or \"cubic\"");
}

}  // namespace
}  // namespace neurons
