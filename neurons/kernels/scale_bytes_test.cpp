#include "neurons/kernels/scale_bytes.hpp"

#include "neurons/kernels/kernel_testing.hpp"

namespace neurons::kernels {
namespace {

using testing::for_each_target;
using testing::same_bits;

TEST(ScaleBytes, RoundsAfterEachOperationOnEveryTargetAndLength) {
  for_each_target([] {
    for (const std::size_t count : {0UL, 1UL, 3UL, 15UL, 16UL, 17UL, 64UL, 257UL, 784UL}) {
      std::vector<std::uint8_t> x(count);
      std::vector<float> expected(count), y(count + 1, -7.0F);
      for (std::size_t i = 0; i < count; ++i) {
        x[i] = static_cast<std::uint8_t>(i * 37 + 255);
        const float product = static_cast<float>(static_cast<double>(x[i]) * static_cast<double>(1.0F / 255));
        expected[i] = static_cast<float>(static_cast<double>(product) - static_cast<double>(0.1307F));
      }
      scale_bytes(static_cast<std::int64_t>(count), x.data(), 1.0F / 255, -0.1307F, y.data());
      EXPECT_EQ(y.back(), -7.0F) << "nothing is written behind the end";
      y.pop_back();
      EXPECT_TRUE(same_bits(y, expected)) << count;
    }
  });
}

}  // namespace
}  // namespace neurons::kernels
