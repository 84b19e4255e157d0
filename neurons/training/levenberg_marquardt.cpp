#include "neurons/training/levenberg_marquardt.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "neurons/base/error.hpp"
#include "neurons/training/cholesky.hpp"
#include "neurons/training/vectors.hpp"

namespace neurons {
namespace {

using Vector = std::vector<double>;

constexpr const char* kPoint = "levenberg_marquardt#point";
constexpr const char* kNumbers = "levenberg_marquardt#numbers";
constexpr const char* kDecay = "levenberg_marquardt#decay";
constexpr double kSmallestStep = 1e-10;  // relative to the point: below this nothing changes
constexpr double kLeastDamping = 1e-16;  // relative to the largest diagonal element of the system: below this it adds nothing
constexpr double kSettled = 1e-2;        // a step that gains a smaller share of the objective: the decay may be learnt
constexpr double kFirstDecay = 10;       // strong: networks begin almost linear and unfold as far as the data ask for it
constexpr double kLeastDecay = 1e-3;
constexpr double kMostDecay = 1e3;
constexpr double kSameDecay = 1e-3;  // a smaller relative change is none

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
                                             std::vector<double> decay, std::vector<std::size_t> groups)
    : options_(options),
      function_(&function),
      decay_(std::move(decay)),
      groups_(std::move(groups)),
      point_(std::move(start)),
      slopes_(function.parameters()),
      curvature_(slopes_.size() * slopes_.size()),
      effective_parameters_(static_cast<double>(slopes_.size())) {
  options_.check();
  const std::size_t size = slopes_.size();
  const auto require = [size](std::size_t found, std::string_view what) {
    if (found != size) fail_input("levenberg_marquardt: {} {} for {} parameters", found, what, size);
  };
  if (decay_.empty()) decay_.resize(size, 0);
  if (groups_.empty()) groups_.resize(size, 0);
  require(point_.size(), "starting values");
  require(decay_.size(), "decays");
  require(groups_.size(), "groups");
  if (options_.bayesian) {
    const bool decays = std::ranges::any_of(decay_, [](double value) { return value != 0; });
    if (decays) fail_input("levenberg_marquardt: bayesian finds the weight decay itself; leave l2 at 0");
    std::ranges::fill(decay_, kFirstDecay);
  }
  linearize();
}

double LeastSquaresMinimizer::penalty(std::span<const double> point) const {
  double sum = 0;
  for (std::size_t i = 0; i < point.size(); ++i) sum += decay_[i] * point[i] * point[i];
  return sum / 2;
}

double LeastSquaresMinimizer::objective() const { return squares_ / 2 + penalty(point_); }

std::vector<double> LeastSquaresMinimizer::gradient() const {
  Vector result = slopes_;
  for (std::size_t i = 0; i < result.size(); ++i) result[i] += decay_[i] * point_[i];
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

bool LeastSquaresMinimizer::iterate() {
  if (!std::isfinite(squares_)) return true;
  if (gradient_size() > options_.gradient_tolerance) {
    const double before = objective();
    if (step()) {
      if (options_.bayesian && before - objective() <= kSettled * before) learn_decay();
      return gradient_size() <= options_.gradient_tolerance;
    }
  }
  return !(options_.bayesian && learn_decay());
}

/// Moves to a better point. False if none was found; then nothing has changed.
bool LeastSquaresMinimizer::step() {
  const std::size_t size = point_.size();
  double largest = 0;
  for (std::size_t i = 0; i < size; ++i) largest = std::max(largest, curvature_[i * size + i] + decay_[i]);
  if (largest == 0) largest = 1;
  if (damping_ == 0) damping_ = options_.damping * largest;
  const Vector slopes = gradient();
  double damping = damping_;
  double growth = growth_;
  for (std::int64_t attempt = 0; attempt < options_.attempts; ++attempt, damping *= growth, growth *= 2) {
    Vector system = curvature_;
    for (std::size_t i = 0; i < size; ++i) system[i * size + i] += decay_[i] + damping;
    if (!cholesky(system, size)) continue;
    Vector move(size);
    for (std::size_t i = 0; i < size; ++i) move[i] = -slopes[i];
    cholesky_solve(system, move);
    if (!(norm(move) > kSmallestStep * (norm(point_) + kSmallestStep))) return false;
    Vector point = point_;
    double predicted = 0;  // ½ hᵀ(μh - g): what the quadratic model promises
    for (std::size_t i = 0; i < size; ++i) {
      point[i] += move[i];
      predicted += move[i] * (damping * move[i] - slopes[i]) / 2;
    }
    const double gained = objective() - (function_->squares(point) / 2 + penalty(point));
    ++evaluations_;
    if (!(gained > 0)) continue;
    damping_ = std::max(damping * std::max(1.0 / 3, 1 - std::pow(2 * gained / predicted - 1, 3)), kLeastDamping * largest);
    growth_ = 2;
    point_ = std::move(point);
    linearize();
    return true;
  }
  return false;
}

/// λ = γ Σr² / ((n - Σγ) Σw²) for each group. True if it is another one than before.
bool LeastSquaresMinimizer::learn_decay() {
  const std::size_t size = point_.size();
  Vector system = curvature_;
  for (std::size_t i = 0; i < size; ++i) system[i * size + i] += decay_[i];
  if (!cholesky(system, size)) return false;
  const Vector variances = cholesky_inverse_diagonal(system, size);
  const std::size_t groups = size == 0 ? 0 : *std::ranges::max_element(groups_) + 1;
  Vector determined(groups, 0);
  Vector lengths(groups, 0);
  for (std::size_t i = 0; i < size; ++i) {
    determined[groups_[i]] += 1 - decay_[i] * variances[i];
    lengths[groups_[i]] += point_[i] * point_[i];
  }
  effective_parameters_ = std::accumulate(determined.begin(), determined.end(), 0.0);
  const double left = static_cast<double>(function_->residuals()) - effective_parameters_;
  if (!(left > 0)) return false;
  bool changed = false;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t group = groups_[i];
    const double estimate = determined[group] * squares_ / (left * lengths[group]);
    if (std::isnan(estimate)) continue;
    const double decay = std::clamp(estimate, kLeastDecay, kMostDecay);
    changed = changed || std::abs(decay - decay_[i]) > kSameDecay * decay_[i];
    decay_[i] = decay;
  }
  return changed;
}

std::map<std::string, Tensor> LeastSquaresMinimizer::state() const {
  return {{kPoint, Tensor::of<double>({static_cast<std::int64_t>(point_.size())}, point_)},
          {kNumbers, Tensor::of<double>({3}, Vector{damping_, growth_, effective_parameters_})},
          {kDecay, Tensor::of<double>({static_cast<std::int64_t>(decay_.size())}, decay_)}};
}

void LeastSquaresMinimizer::restore(const std::map<std::string, Tensor>& state) {
  const auto point = saved(state, kPoint, point_.size());
  const auto decay = saved(state, kDecay, decay_.size());
  const auto numbers = saved(state, kNumbers, 3);
  point_.assign(point.begin(), point.end());
  damping_ = numbers[0];
  growth_ = numbers[1];
  effective_parameters_ = numbers[2];
  decay_.assign(decay.begin(), decay.end());
  linearize();
}

}  // namespace neurons
