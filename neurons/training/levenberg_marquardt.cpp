#include "neurons/training/levenberg_marquardt.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "neurons/base/error.hpp"
#include "neurons/training/cholesky.hpp"

namespace neurons {
namespace {

using Vector = std::vector<double>;

constexpr const char* kPoint = "levenberg_marquardt#point";
constexpr const char* kNumbers = "levenberg_marquardt#numbers";
constexpr double kSmallestStep = 1e-10;  // relative to the point: below this nothing changes

double norm(std::span<const double> a) { return std::sqrt(std::inner_product(a.begin(), a.end(), a.begin(), 0.0)); }

std::span<const double> saved(const std::map<std::string, Tensor>& state, const char* name, std::size_t size) {
  const auto found = state.find(name);
  if (found == state.end()) fail_input("levenberg_marquardt: the saved state has no \"{}\"", name);
  const TensorType expected{DType::f64, {static_cast<std::int64_t>(size)}};
  if (found->second.type() != expected) {
    fail_input("levenberg_marquardt: the saved \"{}\" is {}, expected {}", name, found->second.type().to_string(),
               expected.to_string());
  }
  return found->second.values<double>();
}

}  // namespace

void LevenbergMarquardt::check() const {
  if (!(damping > 0)) fail_input("levenberg_marquardt: damping = {} must be above 0", damping);
  if (attempts < 1) fail_input("levenberg_marquardt: attempts = {} must be at least 1", attempts);
  if (!(gradient_tolerance >= 0)) {
    fail_input("levenberg_marquardt: gradient_tolerance = {} must be at least 0", gradient_tolerance);
  }
}

LeastSquaresMinimizer::LeastSquaresMinimizer(LevenbergMarquardt options, LeastSquares& function, std::vector<double> start,
                                             std::vector<double> decay)
    : options_(options), function_(&function), decay_(std::move(decay)), point_(std::move(start)) {
  options_.check();
  const std::size_t size = function.parameters();
  if (point_.size() != size) fail_input("levenberg_marquardt: {} starting values for {} parameters", point_.size(), size);
  if (!decay_.empty() && decay_.size() != size) fail_input("levenberg_marquardt: {} decays for {} parameters", decay_.size(), size);
  const bool decays = std::ranges::any_of(decay_, [](double value) { return value != 0; });
  if (options_.bayesian && decays) fail_input("levenberg_marquardt: bayesian finds the weight decay itself; leave l2 at 0");
  effective_parameters_ = static_cast<double>(size);
  slopes_.resize(size);
  curvature_.resize(size * size);
  if (options_.bayesian) {
    // Until the data say more: half of what can be determined is.
    const double residuals = static_cast<double>(function.residuals());
    effective_parameters_ = std::min(effective_parameters_, residuals) / 2;
    squares_ = function.squares(point_);
    ++evaluations_;
    reestimate_decay();
  }
  linearize();
}

double LeastSquaresMinimizer::decay_of(std::size_t parameter) const { return decay_.empty() ? bayesian_decay_ : decay_[parameter]; }

double LeastSquaresMinimizer::penalty(std::span<const double> point) const {
  double sum = 0;
  for (std::size_t i = 0; i < point.size(); ++i) sum += decay_of(i) * point[i] * point[i];
  return sum / 2;
}

double LeastSquaresMinimizer::objective() const { return squares_ / 2 + penalty(point_); }

/// Of the objective.
std::vector<double> LeastSquaresMinimizer::gradient() const {
  Vector result = slopes_;
  for (std::size_t i = 0; i < result.size(); ++i) result[i] += decay_of(i) * point_[i];
  return result;
}

double LeastSquaresMinimizer::gradient_size() const {
  double largest = 0;
  for (const double slope : gradient()) largest = std::max(largest, std::abs(slope));
  return largest;
}

void LeastSquaresMinimizer::linearize() {
  squares_ = function_->linearize(point_, slopes_, curvature_);
  ++evaluations_;
}

/// λ = γ Σr² / ((n - γ) Σw²).
void LeastSquaresMinimizer::reestimate_decay() {
  const double weights = norm(point_) * norm(point_);
  const double left = static_cast<double>(function_->residuals()) - effective_parameters_;
  const double estimate = effective_parameters_ * squares_ / (left * weights);
  if (left > 0 && std::isfinite(estimate)) bayesian_decay_ = estimate;
}

bool LeastSquaresMinimizer::iterate() {
  if (!std::isfinite(squares_)) return true;
  const std::size_t size = point_.size();
  if (damping_ == 0) {
    double largest = 0;
    for (std::size_t i = 0; i < size; ++i) largest = std::max(largest, curvature_[i * size + i] + decay_of(i));
    damping_ = options_.damping * (largest > 0 ? largest : 1);
  }
  if (gradient_size() <= options_.gradient_tolerance) return true;

  const Vector slopes = gradient();
  double damping = damping_;
  double growth = growth_;
  for (std::int64_t attempt = 0; attempt < options_.attempts; ++attempt, damping *= growth, growth *= 2) {
    Vector system = curvature_;
    for (std::size_t i = 0; i < size; ++i) system[i * size + i] += decay_of(i) + damping;
    if (!cholesky(system, size)) continue;
    Vector step(size);
    for (std::size_t i = 0; i < size; ++i) step[i] = -slopes[i];
    cholesky_solve(system, step);
    if (!(norm(step) > kSmallestStep * (norm(point_) + kSmallestStep))) return true;
    Vector point = point_;
    double predicted = 0;  // ½ hᵀ(μh - g): what the quadratic model promises
    for (std::size_t i = 0; i < size; ++i) {
      point[i] += step[i];
      predicted += step[i] * (damping * step[i] - slopes[i]) / 2;
    }
    const double gained = objective() - (function_->squares(point) / 2 + penalty(point));
    ++evaluations_;
    if (!(gained > 0)) continue;
    const double gain = gained / predicted;
    damping_ = damping * std::max(1.0 / 3, 1 - std::pow(2 * gain - 1, 3));
    growth_ = 2;
    point_ = std::move(point);
    linearize();
    if (options_.bayesian) learn_decay();
    return gradient_size() <= options_.gradient_tolerance;
  }
  return true;
}

/// γ from the curvature at the new point, then λ.
void LeastSquaresMinimizer::learn_decay() {
  const std::size_t size = point_.size();
  Vector system = curvature_;
  for (std::size_t i = 0; i < size; ++i) system[i * size + i] += bayesian_decay_;
  if (!cholesky(system, size)) return;
  effective_parameters_ = static_cast<double>(size) - bayesian_decay_ * cholesky_inverse_trace(system, size);
  reestimate_decay();
}

std::map<std::string, Tensor> LeastSquaresMinimizer::state() const {
  return {{kPoint, Tensor::of<double>({static_cast<std::int64_t>(point_.size())}, point_)},
          {kNumbers, Tensor::of<double>({4}, Vector{damping_, growth_, bayesian_decay_, effective_parameters_})}};
}

void LeastSquaresMinimizer::restore(const std::map<std::string, Tensor>& state) {
  const auto point = saved(state, kPoint, point_.size());
  const auto numbers = saved(state, kNumbers, 4);
  point_.assign(point.begin(), point.end());
  damping_ = numbers[0];
  growth_ = numbers[1];
  bayesian_decay_ = numbers[2];
  effective_parameters_ = numbers[3];
  linearize();
}

}  // namespace neurons
