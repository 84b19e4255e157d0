#include "neurons/kernels/lrn.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "neurons/kernels/simd_targets_test.hpp"

namespace neurons::kernels {
namespace {

class LocalResponses : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { use_simd_target(GetParam()); }
  void TearDown() override { use_simd_target(0); }
};

INSTANTIATE_TEST_SUITE_P(Targets, LocalResponses, ::testing::ValuesIn(simd_targets()),
                         [](const auto& chosen) { return simd_target_name(chosen.param); });

/// Several blocks of pixels, two workers; NaN reaches its own window and no further.
TEST_P(LocalResponses, AreTheEquationAndKeepNaNToItsWindow) {
  constexpr std::int64_t kChannels = 5;
  constexpr std::int64_t kPixels = 531;
  std::vector<float> x(2 * kChannels * kPixels);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i)) * 3;
  const auto at = [](std::int64_t image, std::int64_t channel, std::int64_t pixel) {
    return static_cast<std::size_t>((image * kChannels + channel) * kPixels + pixel);
  };
  x[at(1, 0, 300)] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> y(x.size(), -12345.0F);
  for (int worker = 0; worker < 2; ++worker) {
    local_response({2, kChannels, kPixels, 1, 2, 0.2F, 0.75F, 0.9F, x.data(), y.data()}, {worker, 2});
  }
  for (std::int64_t image = 0; image < 2; ++image) {
    for (std::int64_t c = 0; c < kChannels; ++c) {
      for (std::int64_t pixel = 0; pixel < kPixels; ++pixel) {
        double sum = 0;
        for (std::int64_t other = std::max<std::int64_t>(0, c - 1); other < std::min(kChannels, c + 3); ++other) {
          sum += std::pow(static_cast<double>(x[at(image, other, pixel)]), 2);
        }
        const double expected = static_cast<double>(x[at(image, c, pixel)]) * std::pow(0.9 + 0.2 * sum, -0.75);
        const auto found = static_cast<double>(y[at(image, c, pixel)]);
        EXPECT_TRUE(std::isnan(expected) ? std::isnan(found) : std::abs(found - expected) <= 1e-6)
            << image << ", " << c << ", " << pixel << ": " << found << " instead of " << expected;
      }
    }
  }
}

}  // namespace
}  // namespace neurons::kernels
