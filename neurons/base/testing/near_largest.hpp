#pragma once
/// How far numbers may be from those of another library, whose roundings are others.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>

namespace neurons::testing {

/// Each number is apart by at most 1e-5 of the largest of `expected` (at least of `least`).
template <typename T>
void expect_near_largest(std::span<const float> found, std::span<const T> expected, const std::string& what, double least = 0) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  double largest = least;
  double difference = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_TRUE(std::isfinite(found[i])) << what << ", number " << i;
    const auto wanted = static_cast<double>(expected[i]);
    largest = std::max(largest, std::abs(wanted));
    difference = std::max(difference, std::abs(static_cast<double>(found[i]) - wanted));
  }
  EXPECT_LE(difference, 1e-5 * largest) << what;
}

}  // namespace neurons::testing
