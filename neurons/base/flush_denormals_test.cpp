#include "neurons/base/flush_denormals.hpp"

#include <gtest/gtest.h>

namespace neurons {
namespace {

constexpr float kSmallestNormal = 1.17549435e-38F;

float halve(float value) {
  volatile float kept = value;  // computed at run time
  return kept * 0.5F;
}

TEST(FlushDenormals, LastsAsLongAsItLives) {
  EXPECT_GT(halve(kSmallestNormal), 0.0F);
  {
    const FlushDenormals flush;
    EXPECT_EQ(halve(kSmallestNormal), 0.0F);
    {
      const FlushDenormals again;
      EXPECT_EQ(halve(-kSmallestNormal), 0.0F);
    }
    EXPECT_EQ(halve(kSmallestNormal), 0.0F);
    EXPECT_EQ(halve(2 * kSmallestNormal), kSmallestNormal);
  }
  EXPECT_GT(halve(kSmallestNormal), 0.0F);
}

TEST(FlushDenormals, ReadsThemAsZero) {
  const float denormal = halve(kSmallestNormal);
  const FlushDenormals flush;
  volatile float kept = denormal;
  EXPECT_EQ(kept * 1e30F, 0.0F);
}

}  // namespace
}  // namespace neurons
