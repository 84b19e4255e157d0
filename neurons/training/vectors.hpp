#pragma once
/// What the methods that see all data at once do with vectors of doubles.

#include <cmath>
#include <numeric>
#include <span>

namespace neurons {

inline double dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

inline double norm(std::span<const double> a) { return std::sqrt(dot(a, a)); }

}  // namespace neurons
