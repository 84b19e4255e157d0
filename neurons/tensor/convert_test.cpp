#include "neurons/tensor/convert.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "neurons/tensor/tensor.hpp"

namespace neurons {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename To, typename From>
std::vector<To> cast(const std::vector<From>& values) {
  const Tensor tensor = Tensor::of<From>({static_cast<std::int64_t>(values.size())}, values).cast(dtype_of<To>());
  const auto result = tensor.values<To>();
  return {result.begin(), result.end()};
}

TEST(Convert, TruncatesAndSaturatesFloats) {
  const std::vector<double> values{-1.9, -0.5, 0.5, 1.9, 1e300, -1e300, kInfinity, -kInfinity, kNan};
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ((cast<std::int32_t>(values)), (std::vector<std::int32_t>{-1, 0, 0, 1, kMost, kLeast, kMost, kLeast, 0}));
  EXPECT_EQ((cast<std::uint8_t>(values)), (std::vector<std::uint8_t>{0, 0, 0, 1, 255, 0, 255, 0, 0}));
  EXPECT_EQ((cast<std::uint8_t>(std::vector<float>{254.9F, 255.0F, 255.1F, 256})), (std::vector<std::uint8_t>{254, 255, 255, 255}));
}

TEST(Convert, IsExactAtTheEdgesOfInt64) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  // 2^63 is a double but no int64; the double below it is 2^63 - 1024.
  EXPECT_EQ((cast<std::int64_t>(std::vector<double>{0x1p63, 0x1p63 - 1024, -0x1p63, 0x1p53 + 2})),
            (std::vector<std::int64_t>{kMost, kMost - 1023, kLeast, 9007199254740994}));
  EXPECT_EQ((cast<std::int64_t>(std::vector<float>{3.4e38F, -3.4e38F})), (std::vector<std::int64_t>{kMost, kLeast}));
}

TEST(Convert, KeepsTheLowBitsOfIntegers) {
  EXPECT_EQ((cast<std::uint8_t>(std::vector<std::int64_t>{255, 256, -1})), (std::vector<std::uint8_t>{255, 0, 255}));
  EXPECT_EQ((cast<std::int32_t>(std::vector<std::int64_t>{(std::int64_t{1} << 32) + 5})), (std::vector<std::int32_t>{5}));
}

TEST(Convert, TakesAllButZeroForTrue) {
  EXPECT_TRUE(convert<bool>(kNan));
  EXPECT_TRUE(convert<bool>(1e-320));
  EXPECT_TRUE(convert<bool>(-1));
  EXPECT_FALSE(convert<bool>(-0.0));
  EXPECT_EQ((convert<float>(true)), 1.0F);
}

TEST(Convert, RoundsDoublesToTheNearestFloat) {
  const auto narrow = cast<float>(std::vector<double>{0.1, 1e300, -1e300, 1e-300, kInfinity, kNan});
  EXPECT_EQ(narrow[0], 0.1F);
  EXPECT_EQ(narrow[1], std::numeric_limits<float>::infinity());
  EXPECT_EQ(narrow[2], -std::numeric_limits<float>::infinity());
  EXPECT_EQ(narrow[3], 0.0F);
  EXPECT_EQ(narrow[4], std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(narrow[5]));
  EXPECT_EQ((cast<double>(std::vector<float>{0.1F}))[0], static_cast<double>(0.1F));
}

}  // namespace
}  // namespace neurons
