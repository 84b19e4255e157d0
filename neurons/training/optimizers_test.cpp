#include "neurons/training/optimizers.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace neurons {
namespace {

// Kingma and Ba, 2015: rate / (1 - β₁ᵗ) and √(1 - β₂ᵗ), to the bit at any step, so that a resumed run sees what the first one saw.
TEST(Optimizers, CorrectAdamsBiasAtAnyStep) {
  for (const auto& [beta1, beta2] : {std::pair(0.9F, 0.999F), std::pair(0.0F, 0.5F), std::pair(0.99F, 0.99999F)}) {
    const Adam adam{.beta1 = beta1, .beta2 = beta2};
    for (std::int64_t step = 1; step < 10'000'000; step += 1 + step / 50) {
      std::array<float, kMaxScalars> scalars{};
      adam.scalars({0.01, step, 0}, scalars);
      const auto t = static_cast<double>(step);
      EXPECT_EQ(scalars[0], static_cast<float>(0.01 / (1 - std::pow(static_cast<double>(beta1), t)))) << beta1 << " " << step;
      EXPECT_EQ(scalars[1], static_cast<float>(std::sqrt(1 - std::pow(static_cast<double>(beta2), t)))) << beta2 << " " << step;
    }
  }
}

}  // namespace
}  // namespace neurons
