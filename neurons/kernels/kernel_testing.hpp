#pragma once
/// What the tests of the kernels share: every SIMD target in turn, values worth trying, and a comparison with a bound.

// clang-format off
#include "neurons/kernels/simd_targets.hpp"
// clang-format on

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/highway.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "neurons/base/random.hpp"
#include "neurons/kernels/tile.hpp"

namespace neurons::kernels::testing {

/// Runs `body` once for every SIMD target that this machine has.
template <class Body>
void for_each_target(const Body& body) {
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

inline const std::vector<float>& special_values() {
  static const std::vector<float> values = {-HUGE_VALF, -1e38F, -100.0F, -3.0F, -1.0F, -0.5F, -1e-30F, -1e-40F, -0.0F,     0.0F,
                                            1e-40F,     1e-30F, 0.5F,    1.0F,  2.5F,  3.0F,  100.0F,  1e38F,   HUGE_VALF, NAN};
  return values;
}

/// `count` numbers of varied magnitude: a third in [-1, 1], a third in [-10, 10], a third in [-100, 100].
inline std::vector<float> varied_values(std::size_t count, std::uint64_t seed) {
  RandomStream random(seed);
  std::vector<float> values(count);
  for (auto& value : values)
    value = static_cast<float>(random.uniform(-1.0, 1.0) * std::pow(10.0, static_cast<double>(random.below(3))));
  return values;
}

/// How far a result may be from the exact one: units in the last place, plus an absolute part.
struct Bound {
  double ulps = 0.0;
  double absolute = 0.0;
};

/// NaN where NaN is expected, the same infinity, or within the bound.
inline bool is_near(float found, double expected, const Bound& bound) {
  const auto rounded = static_cast<float>(expected);
  if (std::isnan(rounded) || std::isnan(found)) return std::isnan(rounded) && std::isnan(found);
  if (found == rounded) return true;
  if (std::isinf(rounded) || std::isinf(found)) return false;
  const double ulp = std::max(std::abs(static_cast<double>(rounded)) * 0x1p-23, 0x1p-149);
  return std::abs(static_cast<double>(found) - expected) <= bound.ulps * ulp + bound.absolute;
}

template <typename T>
Stream stream(const T* data, std::ptrdiff_t row_stride, std::ptrdiff_t column_stride) {
  return {reinterpret_cast<std::byte*>(const_cast<T*>(data)), row_stride, column_stride};
}

/// Equal bit for bit, except that any NaN equals any other (which of two NaN an addition keeps is up to the compiler).
inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float left, float right) {
    return (std::isnan(left) && std::isnan(right)) || std::memcmp(&left, &right, sizeof(float)) == 0;
  });
}

}  // namespace neurons::kernels::testing
