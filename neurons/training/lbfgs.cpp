#include "neurons/training/lbfgs.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/base/error.hpp"
#include "neurons/training/line_search.hpp"
#include "neurons/training/vectors.hpp"

namespace neurons {
namespace {

using Vector = std::vector<double>;

/// a += factor · b
void add_scaled(std::span<double> a, double factor, std::span<const double> b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += factor * b[i];
}

Vector difference(std::span<const double> a, std::span<const double> b) {
  Vector result(a.begin(), a.end());
  add_scaled(result, -1, b);
  return result;
}

constexpr const char* kLbfgsPoint = "lbfgs#point";
constexpr const char* kSteps = "lbfgs#steps";
constexpr const char* kChanges = "lbfgs#gradient_changes";

/// The tensor of that name, which must be f64 of rank `rank` with `columns` last.
std::span<const double> rows_of(const std::map<std::string, Tensor>& state, const char* name, int rank, std::size_t columns) {
  const auto found = state.find(name);
  if (found == state.end()) fail_input("lbfgs: the saved state has no \"{}\"", name);
  const Tensor& tensor = found->second;
  const bool fits = tensor.dtype() == DType::f64 && tensor.shape().rank() == rank &&
                    tensor.shape()[rank - 1] == static_cast<std::int64_t>(columns);
  if (!fits) fail_input("lbfgs: the saved \"{}\" is {}, expected f64 with {} columns", name, tensor.type().to_string(), columns);
  return tensor.values<double>();
}

}  // namespace

void Lbfgs::check() const {
  if (memory < 1) fail_input("lbfgs: memory = {} must be at least 1", memory);
  if (line_search_evaluations < 2) fail_input("lbfgs: line_search_evaluations = {} must be at least 2", line_search_evaluations);
  if (!(gradient_tolerance >= 0)) fail_input("lbfgs: gradient_tolerance = {} must be at least 0", gradient_tolerance);
}

LbfgsMinimizer::LbfgsMinimizer(Lbfgs options, SmoothFunction function, std::vector<double> start, double rounding)
    : options_(options), function_(std::move(function)), rounding_(rounding), point_(std::move(start)), gradient_(point_.size()) {
  options_.check();
  value_ = evaluate(point_, gradient_);
}

double LbfgsMinimizer::evaluate(std::span<const double> point, std::span<double> gradient) {
  ++evaluations_;
  return function_(point, gradient);
}

double LbfgsMinimizer::gradient_norm() const { return norm(gradient_); }

/// -H·g. H is never formed: two loops over the pairs apply it (Nocedal & Wright, algorithm 7.4).
std::vector<double> LbfgsMinimizer::direction() const {
  Vector result = gradient_;
  Vector shares(pairs_.size());
  for (std::size_t i = pairs_.size(); i-- > 0;) {
    shares[i] = dot(pairs_[i].step, result) / pairs_[i].curvature;
    add_scaled(result, -shares[i], pairs_[i].gradient_change);
  }
  double scale = -1;
  if (!pairs_.empty()) scale = -pairs_.back().curvature / dot(pairs_.back().gradient_change, pairs_.back().gradient_change);
  for (double& element : result) element *= scale;
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const double share = -shares[i] - dot(pairs_[i].gradient_change, result) / pairs_[i].curvature;
    add_scaled(result, share, pairs_[i].step);
  }
  return result;
}

void LbfgsMinimizer::remember(std::vector<double> step, std::vector<double> gradient_change) {
  const double curvature = dot(step, gradient_change);
  const double least = 1e-10 * std::sqrt(dot(step, step) * dot(gradient_change, gradient_change));
  if (!(curvature > least)) return;  // no curvature to learn from: H would not stay positive definite
  if (static_cast<std::int64_t>(pairs_.size()) == options_.memory) pairs_.erase(pairs_.begin());
  pairs_.push_back({std::move(step), std::move(gradient_change), curvature});
}

bool LbfgsMinimizer::search(const std::vector<double>& direction, double first_step) {
  const double slope = dot(gradient_, direction);
  if (!(slope < 0)) return false;
  Vector point(point_.size());
  Vector gradient(point_.size());
  double evaluated = 0;
  const auto line = [&](double step) {
    point = point_;
    add_scaled(point, step, direction);
    evaluated = step;
    const double value = evaluate(point, gradient);
    return LinePoint{step, value, dot(gradient, direction)};
  };
  const LineSearchOptions options{first_step, options_.line_search_evaluations, rounding_};
  LinePoint found = wolfe_search(line, {0, value_, slope}, options);
  if (found.step == 0) return false;
  if (found.step != evaluated) found = line(found.step);
  remember(difference(point, point_), difference(gradient, gradient_));
  point_ = std::move(point);
  gradient_ = std::move(gradient);
  value_ = found.value;
  return true;
}

bool LbfgsMinimizer::iterate() {
  if (!std::isfinite(value_) || !std::isfinite(gradient_norm()) || gradient_norm() <= options_.gradient_tolerance) return true;
  if (pairs_.empty() || !search(direction(), 1)) {
    pairs_.clear();  // what was learnt misleads: begin again from the steepest descent
    if (!search(direction(), std::min(1.0, 1 / gradient_norm()))) return true;
  }
  return gradient_norm() <= options_.gradient_tolerance;
}

std::map<std::string, Tensor> LbfgsMinimizer::state() const {
  const auto columns = static_cast<std::int64_t>(point_.size());
  const Shape shape{static_cast<std::int64_t>(pairs_.size()), columns};
  Vector steps;
  Vector changes;
  for (const Pair& pair : pairs_) {
    steps.insert(steps.end(), pair.step.begin(), pair.step.end());
    changes.insert(changes.end(), pair.gradient_change.begin(), pair.gradient_change.end());
  }
  return {{kLbfgsPoint, Tensor::of<double>({columns}, point_)},
          {kSteps, Tensor::of<double>(shape, steps)},
          {kChanges, Tensor::of<double>(shape, changes)}};
}

void LbfgsMinimizer::restore(const std::map<std::string, Tensor>& state) {
  const std::size_t size = point_.size();
  const auto point = rows_of(state, kLbfgsPoint, 1, size);
  const auto steps = rows_of(state, kSteps, 2, size);
  const auto changes = rows_of(state, kChanges, 2, size);
  if (steps.size() != changes.size()) fail_input("lbfgs: the saved state has unequal numbers of steps and gradient changes");
  point_.assign(point.begin(), point.end());
  pairs_.clear();
  for (std::size_t first = 0; first < steps.size(); first += size) {
    const auto step = steps.subspan(first, size);
    const auto change = changes.subspan(first, size);
    pairs_.push_back({{step.begin(), step.end()}, {change.begin(), change.end()}, dot(step, change)});
  }
  value_ = evaluate(point_, gradient_);
}

}  // namespace neurons
