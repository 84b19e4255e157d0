#include "neurons/training/line_search.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace neurons {
namespace {

constexpr double kSufficientDecrease = 1e-4;
constexpr double kCurvature = 0.9;
constexpr double kExpansion = 4;
constexpr double kNearestToAnEnd = 0.1;  // an interpolated step stays this share of the bracket away from its ends

/// The minimum of the cubic with the values and slopes of both points (Nocedal & Wright, equation 3.59); NaN if it has none.
double cubic_minimum(const LinePoint& a, const LinePoint& b) {
  const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step);
  const double d2 = std::copysign(std::sqrt(d1 * d1 - a.slope * b.slope), b.step - a.step);
  return b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
}

/// A step inside the bracket.
double inside(const LinePoint& low, const LinePoint& high) {
  const double width = high.step - low.step;
  if (!std::isfinite(high.value) || !std::isfinite(high.slope)) return low.step + kNearestToAnEnd * width;
  const double share = (cubic_minimum(low, high) - low.step) / width;
  if (!std::isfinite(share)) return low.step + width / 2;
  return low.step + std::clamp(share, kNearestToAnEnd, 1 - kNearestToAnEnd) * width;
}

}  // namespace

LinePoint wolfe_search(const std::function<LinePoint(double step)>& line, const LinePoint& start,
                       const LineSearchOptions& options) {
  const double noise = options.rounding * std::abs(start.value);
  LinePoint low = start;          // the lowest point so far that decreases enough
  std::optional<LinePoint> high;  // the other end of the bracket
  double step = options.first_step;
  for (std::int64_t i = 0; i < options.evaluations; ++i) {
    const LinePoint point = line(step);
    const double allowed = start.value + kSufficientDecrease * step * start.slope + noise;
    if (!std::isfinite(point.slope) || !(point.value <= allowed) || !(point.value <= low.value + noise)) {
      high = point;
    } else if (std::abs(point.slope) <= -kCurvature * start.slope) {
      return point;
    } else {
      const double towards_high = high ? high->step - low.step : 1;
      if (point.slope * towards_high >= 0) high = low;
      low = point;
    }
    step = high ? inside(low, *high) : kExpansion * point.step;
    if (step == low.step || (high && step == high->step) || !std::isfinite(step)) break;
  }
  return low.value < start.value ? low : start;
}

}  // namespace neurons
