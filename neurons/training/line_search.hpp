#pragma once
/// How far to go along a direction.

#include <cstdint>
#include <functional>

namespace neurons {

/// A function along a line: φ(step) and its derivative.
struct LinePoint {
  double step = 0;
  double value = 0;
  double slope = 0;
};

struct LineSearchOptions {
  double first_step = 1;
  std::int64_t evaluations = 25;  ///< at most
  /// Relative error of the values. Of values that differ by less nothing can be learnt: then slopes alone decide, as in the
  /// approximate Wolfe conditions (Hager & Zhang: "A new conjugate gradient method with guaranteed descent", 2005).
  double rounding = 0;
};

/// A step that meets the strong Wolfe conditions φ(t) ≤ φ(0) + 1e-4 t φ'(0) and |φ'(t)| ≤ 0.9 |φ'(0)|, by bracketing and cubic
/// interpolation (Nocedal & Wright: "Numerical optimization", 2006, algorithms 3.5 and 3.6). Where the evaluations do not suffice,
/// the lowest point found; with step 0 if none is lower than `start`, whose slope must be negative. Values that are not finite
/// count as too high.
LinePoint wolfe_search(const std::function<LinePoint(double step)>& line, const LinePoint& start, const LineSearchOptions& options);

}  // namespace neurons
