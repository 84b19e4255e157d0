#pragma once
/// Levenberg–Marquardt: Gauss–Newton steps for sums of squares, damped where they cannot be trusted.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neurons/tensor/tensor.hpp"

namespace neurons {

/// Full-batch least squares by Levenberg–Marquardt (Marquardt 1963; damping by gain ratio: Nielsen 1999), for regression networks
/// of at most some thousands of parameters. Each step solves (JᵀJ + λ + μI) Δw = -(Jᵀr + λw), where the diagonal λ is the weight
/// decay.
///
/// With `bayesian` the decay is found from the data, one λ for each group of parameters (each tensor of a network): γ = P - λ Σ
/// diag (JᵀJ + λ)⁻¹ of the group's P parameters are well determined, and λ = γ Σr² / ((n - Σγ) Σw²) for n residuals, within [1e-3,
/// 1e3] (MacKay: "Bayesian interpolation", 1992; Foresee & Hagan: "Gauss–Newton approximation to Bayesian learning", 1997).
/// Networks then generalise without a validation set, if inputs and targets are standardised.
struct LevenbergMarquardt {
  static constexpr std::string_view kKind = "levenberg_marquardt";
  bool bayesian = false;
  double damping = 1e-3;             ///< first μ, as a share of the largest diagonal element of JᵀJ
  std::int64_t attempts = 20;        ///< at a better point, at most, in one iteration
  double gradient_tolerance = 1e-9;  ///< converged where no element of the objective's gradient is larger

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("bayesian", self.bayesian);
    visit("damping", self.damping);
    visit("attempts", self.attempts);
    visit("gradient_tolerance", self.gradient_tolerance);
  }
  /// Throws InputError for numbers that make no sense.
  void check() const;
};

/// A sum of squares of residuals r(w).
class LeastSquares {
 public:
  virtual ~LeastSquares() = default;
  virtual std::size_t parameters() const = 0;
  virtual std::size_t residuals() const = 0;
  /// Σ r².
  virtual double squares(std::span<const double> point) = 0;
  /// The same, with `gradient` = Jᵀr and `curvature` = JᵀJ (row-major, both triangles).
  virtual double linearize(std::span<const double> point, std::span<double> gradient, std::span<double> curvature) = 0;
};

/// Levenberg–Marquardt on any sum of squares; minimises ½ Σr² + ½ Σ decay · w².
class LeastSquaresMinimizer {
 public:
  /// `decay`: λ of each parameter, or empty for none. `groups`: for `bayesian`, which parameters share a λ: a number from 0 on for
  /// each, or empty for one group. Throws InputError if they do not fit, or decay is given with `bayesian`. The function must
  /// outlive the minimiser.
  LeastSquaresMinimizer(LevenbergMarquardt options, LeastSquares& function, std::vector<double> start,
                        std::vector<double> decay = {}, std::vector<std::size_t> groups = {});

  /// One accepted step. True once nothing is left to gain: the gradient is within the tolerance, no attempt found a better point,
  /// or the sum is not finite. The objective never rises (but for `bayesian`, which changes the decay once steps gain little).
  bool iterate();

  const std::vector<double>& point() const { return point_; }
  double squares() const { return squares_; }
  double objective() const;
  /// Of the objective at the point.
  std::vector<double> gradient() const;
  /// Its largest element, by size.
  double gradient_size() const;
  double damping() const { return damping_; }
  /// λ of each parameter.
  const std::vector<double>& decay() const { return decay_; }
  /// Σγ of `bayesian`; without it the number of parameters.
  double effective_parameters() const { return effective_parameters_; }
  /// Evaluations of the sum, so far.
  std::int64_t evaluations() const { return evaluations_; }

  /// All that is needed to go on bit-exactly: "levenberg_marquardt#point" and "levenberg_marquardt#decay" f64 [n],
  /// "levenberg_marquardt#numbers" f64 [3] (damping, its next growth, Σγ).
  std::map<std::string, Tensor> state() const;
  /// Throws InputError if a tensor is missing or does not fit.
  void restore(const std::map<std::string, Tensor>& state);

 private:
  void linearize();
  bool step();
  bool learn_decay();
  double penalty(std::span<const double> point) const;

  LevenbergMarquardt options_;
  LeastSquares* function_;
  std::vector<double> decay_;
  std::vector<std::size_t> groups_;
  std::vector<double> point_;
  std::vector<double> slopes_;     ///< Jᵀr
  std::vector<double> curvature_;  ///< JᵀJ
  double squares_ = 0;
  double damping_ = 0;  ///< μ; 0 before the first iteration
  double growth_ = 2;   ///< what the next refused step multiplies μ by
  double effective_parameters_ = 0;
  std::int64_t evaluations_ = 0;
};

}  // namespace neurons
