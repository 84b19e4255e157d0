/// Runs a whole test program on the SIMD target that NEURONS_TEST_SIMD_TARGET names (AVX3, AVX2, SSE4; unset: the best), and proves
/// that the loops take it. This file is part of each program that ctest runs on several targets.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>

#include "neurons/kernels/simd_targets_test.hpp"
#include "neurons/kernels/weighted_sum.hpp"

namespace neurons::kernels {
namespace {

/// The target that this program was asked to run on: 0 if any will do, -1 if this machine has none of that name.
std::int64_t asked_for() {
  const char* name = std::getenv("NEURONS_TEST_SIMD_TARGET");
  if (name == nullptr) return 0;
  const auto targets = simd_targets();
  const auto found =
      std::find_if(targets.begin(), targets.end(), [&](std::int64_t target) { return simd_target_name(target) == name; });
  return found == targets.end() ? -1 : *found;
}
const std::int64_t kAskedFor = asked_for();  // before any target is switched off
const bool kIsBest = kAskedFor == simd_targets().front();

class OnOneTarget : public ::testing::Environment {
  void SetUp() override {
    if (kAskedFor < 0) leave("this machine lacks the SIMD target ");
    if (kIsBest) leave("tested without NEURONS_TEST_SIMD_TARGET: this machine's best SIMD target is ");
    use_simd_target(kAskedFor);
  }
  /// Not by GTEST_SKIP(), after which all tests count as passed.
  [[noreturn]] static void leave(const char* reason) {
    std::cout << reason << std::getenv("NEURONS_TEST_SIMD_TARGET") << std::endl;
    std::exit(0);
  }
};
const auto* const kEnvironment = ::testing::AddGlobalTestEnvironment(new OnOneTarget);

TEST(SimdTarget, IsTheOneAskedForOrTheBest) {
  const char* name = std::getenv("NEURONS_TEST_SIMD_TARGET");
  EXPECT_EQ(simd_target(), name == nullptr ? simd_target_name(simd_targets().front()) : name);
}

TEST(SimdTarget, EachOfThisMachineCanBeTaken) {
  use_simd_target(0);
  for (const std::int64_t target : simd_targets()) {
    use_simd_target(target);
    EXPECT_EQ(simd_target(), simd_target_name(target));
  }
  use_simd_target(kAskedFor);
}

}  // namespace
}  // namespace neurons::kernels
