#pragma once
/// Limited-memory BFGS: Newton's method with the curvature guessed from the last few gradients.

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neurons/tensor/tensor.hpp"

namespace neurons {

/// Full-batch minimisation by L-BFGS (Nocedal: "Updating quasi-Newton matrices with limited storage", 1980): direction -H·g by the
/// two-loop recursion over the last `memory` pairs s = Δw, y = Δg, then a line search to the strong Wolfe conditions. It has no
/// learning rate.
struct Lbfgs {
  static constexpr std::string_view kKind = "lbfgs";
  std::int64_t memory = 10;
  std::int64_t line_search_evaluations = 25;  ///< of the function, at most, in one iteration
  double gradient_tolerance = 1e-7;           ///< converged where the gradient's norm is at most this

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("memory", self.memory);
    visit("line_search_evaluations", self.line_search_evaluations);
    visit("gradient_tolerance", self.gradient_tolerance);
  }
  /// Throws InputError for numbers that make no sense.
  void check() const;
};

/// A smooth function: its value at `point`; fills `gradient`, which has the point's size.
using SmoothFunction = std::function<double(std::span<const double> point, std::span<double> gradient)>;

/// L-BFGS on any smooth function.
///
///     LbfgsMinimizer minimizer({}, rosenbrock, {-1.2, 1});
///     while (!minimizer.iterate()) {}
class LbfgsMinimizer {
 public:
  /// Evaluates `function` at `start`. `rounding` is the relative error of its values (line_search.hpp).
  LbfgsMinimizer(Lbfgs options, SmoothFunction function, std::vector<double> start, double rounding = 0);

  /// One direction and its line search. True once nothing is left to gain: the gradient is within the tolerance, or no step along
  /// the steepest descent makes the value smaller, or the value is not finite. The value never rises by more than its rounding.
  bool iterate();

  const std::vector<double>& point() const { return point_; }
  double value() const { return value_; }
  const std::vector<double>& gradient() const { return gradient_; }
  double gradient_norm() const;
  /// Of the function, so far.
  std::int64_t evaluations() const { return evaluations_; }

  /// All that is needed to go on bit-exactly: "lbfgs#point" f64 [n], "lbfgs#steps" and "lbfgs#gradient_changes" f64 [pairs, n].
  std::map<std::string, Tensor> state() const;
  /// Throws InputError if a tensor is missing or does not fit.
  void restore(const std::map<std::string, Tensor>& state);

 private:
  struct Pair {
    std::vector<double> step;             ///< s
    std::vector<double> gradient_change;  ///< y
    double curvature = 0;                 ///< s·y > 0
  };
  std::vector<double> direction() const;
  bool search(const std::vector<double>& direction, double first_step);
  void remember(std::vector<double> step, std::vector<double> gradient_change);
  double evaluate(std::span<const double> point, std::span<double> gradient);

  Lbfgs options_;
  SmoothFunction function_;
  double rounding_;
  std::vector<double> point_;
  std::vector<double> gradient_;
  double value_ = 0;
  std::vector<Pair> pairs_;  ///< oldest first
  std::int64_t evaluations_ = 0;
};

}  // namespace neurons
