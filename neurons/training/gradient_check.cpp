#include "neurons/training/gradient_check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "neurons/base/error.hpp"
#include "neurons/base/random.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/plan/interpret.hpp"

namespace neurons {
namespace {

constexpr std::uint64_t kElementStream = 1;
constexpr std::uint64_t kDirectionStream = 2;
constexpr std::uint64_t kNudgeStream = 3;
/// Biases begin as 0, and what a rectifier gets of a black picture is then its very kink: one random step away it is not.
constexpr double kNudge = 1e-3;
/// Differences with smaller steps are taken where one is further off: a kink between its two points is seldom between theirs.
constexpr double kSuspicious = 1e-7;
constexpr double kSmallerSteps[] = {1.0 / 32, 1.0 / 1024};

/// The loss of fixed samples as a function of the parameters.
class LossFunction {
 public:
  LossFunction(const Network& network, const Losses& loss, const std::vector<Tensor>& inputs, const std::vector<Tensor>& targets)
      : forward_(network.table()), backward_(network.table()) {
    std::vector<OutputLoss> losses = loss.of(network);
    require_count("network", "inputs", network.inputs().size(), inputs.size());
    require_count("loss", "targets", losses.size(), targets.size());
    for (std::size_t i = 0; i < losses.size(); ++i) losses[i].labels = targets[i].dtype() == DType::i64;
    if (inputs.empty() || inputs.front().shape().rank() == 0) fail_input("gradient check: expects inputs [rows, …]");
    const std::int64_t rows = inputs.front().shape()[0];
    loss_ = append(forward_, network, losses, rows);
    const int loss_again = append(backward_, network, losses, rows);
    for (const auto& [name, type] : network.parameter_types()) {
      values_[name] = widen(network.parameter(name));
    }
    for (const auto& [name, type] : network.trained_parameters()) names_.push_back(name);
    if (names_.empty()) fail_input("gradient check: all parameters are frozen");
    std::vector<Value> weights;
    for (const std::string& name : names_) weights.push_back(backward_.find(name));
    for (const Value& gradient : neurons::gradients(backward_.value(loss_again), weights)) gradients_.push_back(gradient.id());
    for (std::size_t i = 0; i < inputs.size(); ++i) give(network.inputs()[i].name, inputs[i]);
    for (std::size_t i = 0; i < targets.size(); ++i) give(name_of_part("target", i, losses), targets[i]);
    if (forward_.has("step")) values_["step"] = widen(Tensor::of<std::int64_t>({}, {1}));
  }

  const std::vector<std::string>& names() const { return names_; }
  std::vector<double>& parameter(const std::string& name) { return values_.at(name).data; }
  double operator()() const { return interpret(forward_, values_)[static_cast<std::size_t>(loss_)].data.front(); }
  /// In the order of names().
  std::vector<std::vector<double>> gradients() const {
    auto all = interpret(backward_, values_);
    std::vector<std::vector<double>> result;
    for (const int id : gradients_) result.push_back(all[static_cast<std::size_t>(id)].data);
    return result;
  }

 private:
  static int append(Graph& graph, const Network& network, const std::vector<OutputLoss>& losses, std::int64_t rows) {
    network.build(graph, rows, Mode::training);
    return append_losses(graph, losses, false, rows).sum.id();
  }
  static void require_count(std::string_view whose, std::string_view what, std::size_t wanted, std::size_t given) {
    if (given != wanted) fail_input("gradient check: the {} has {} {}, got {}", whose, wanted, what, given);
  }
  void give(const std::string& name, const Tensor& tensor) {
    const TensorType& type = forward_.find(name).type();
    if (type.shape.elements() != tensor.elements()) {
      fail_input("gradient check: \"{}\" must have shape {}, got {}", name, type.shape.to_string(), tensor.shape().to_string());
    }
    values_[name] = widen(tensor);
  }

  Graph forward_;
  Graph backward_;
  int loss_ = -1;
  std::vector<int> gradients_;
  std::vector<std::string> names_;
  ReferenceValues values_;
};

struct Difference {
  double value = 0;
  double rounding = 0;  ///< what the losses' last places may add to it
};

/// (L(w + h·v) - L(w - h·v)) / 2h; `move` sets the parameters to w + its argument · v.
template <typename Move>
Difference central_difference(const LossFunction& loss, double step, Move&& move) {
  constexpr double kLastPlaces = 8;
  move(step);
  const double above = loss();
  move(-step);
  const double below = loss();
  move(0.0);
  const double magnitude = std::max(std::abs(above), std::abs(below));
  return {(above - below) / (2 * step), kLastPlaces * std::numeric_limits<double>::epsilon() * magnitude / step};
}

/// Infinite where one of them is no number.
double relative_error(double slope, double difference, double floor) {
  const double error = std::abs(slope - difference) / std::max({std::abs(slope), std::abs(difference), floor});
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

struct Compared {
  double difference = 0;
  double error = 0;
};

/// `slope` with the central difference that is nearest to it, of steps that become smaller. A slope of 0 whose first difference is
/// the losses' rounding, as where the loss does not depend on a parameter at all, has no error.
template <typename Move>
Compared compare(const LossFunction& loss, double slope, double step, double floor, Move&& move) {
  const Difference first = central_difference(loss, step, move);
  Compared best{first.value, relative_error(slope, first.value, floor)};
  if (std::abs(slope) <= first.rounding && std::abs(first.value) <= first.rounding) best.error = 0;
  for (const double part : kSmallerSteps) {
    if (best.error < kSuspicious) break;
    const double difference = central_difference(loss, part * step, move).value;
    const double error = relative_error(slope, difference, floor);
    if (error < best.error) best = {difference, error};
  }
  return best;
}

/// `count` different numbers below `size`, sorted; all of them if count is 0.
std::vector<std::size_t> choose(std::size_t size, std::int64_t count, RandomStream& random) {
  std::vector<std::size_t> all(size);
  for (std::size_t i = 0; i < size; ++i) all[i] = i;
  const auto wanted = static_cast<std::size_t>(count);
  if (wanted == 0 || wanted >= size) return all;
  for (std::size_t i = 0; i < wanted; ++i) std::swap(all[i], all[i + random.below(size - i)]);
  all.resize(wanted);
  std::ranges::sort(all);
  return all;
}

GradientCheck check(LossFunction& loss, const std::string& name, const std::vector<double>& gradient, std::uint64_t index,
                    const GradientCheckOptions& options) {
  std::vector<double>& weights = loss.parameter(name);
  GradientCheck result{.parameter = name, .elements = static_cast<std::int64_t>(weights.size())};
  double largest = 0;
  for (const double slope : gradient) largest = std::max(largest, std::abs(slope));
  const double floor = std::max(1e-6 * largest, 1e-9);
  RandomStream element_stream(options.seed, (index << 8) + kElementStream);
  const auto elements = choose(weights.size(), options.elements, element_stream);
  result.checked = static_cast<std::int64_t>(elements.size());
  for (const std::size_t i : elements) {
    const double weight = weights[i];
    const Compared found = compare(loss, gradient[i], options.step, floor, [&](double move) { weights[i] = weight + move; });
    if (found.error < result.worst_error) continue;
    result.worst_error = found.error;
    result.worst_element = static_cast<std::int64_t>(i);
    result.gradient = gradient[i];
    result.difference = found.difference;
  }
  // One direction of length 1 through all elements.
  RandomStream direction_stream(options.seed, (index << 8) + kDirectionStream);
  std::vector<double> direction(weights.size());
  double length = 0;
  for (double& element : direction) {
    element = direction_stream.normal();
    length += element * element;
  }
  double slope = 0;
  for (std::size_t i = 0; i < direction.size(); ++i) slope += gradient[i] * (direction[i] /= std::sqrt(length));
  const std::vector<double> start = weights;
  const auto move_all = [&](double move) {
    for (std::size_t i = 0; i < start.size(); ++i) weights[i] = start[i] + move * direction[i];
  };
  result.direction_error = compare(loss, slope, options.step, floor, move_all).error;
  return result;
}

}  // namespace

std::vector<GradientCheck> check_gradients(const Network& network, const Loss& loss, const Tensor& inputs, const Tensor& targets,
                                           const GradientCheckOptions& options) {
  return check_gradients(network, Losses(loss), std::vector{inputs}, std::vector{targets}, options);
}

std::vector<GradientCheck> check_gradients(const Network& network, const Losses& loss, const std::vector<Tensor>& inputs,
                                           const std::vector<Tensor>& targets, const GradientCheckOptions& options) {
  LossFunction function(network, loss, inputs, targets);
  for (std::size_t i = 0; i < function.names().size(); ++i) {
    RandomStream random(options.seed, (i << 8) + kNudgeStream);
    for (double& weight : function.parameter(function.names()[i])) weight += kNudge * random.normal();
  }
  const auto gradients = function.gradients();
  std::vector<GradientCheck> checks;
  for (std::size_t i = 0; i < gradients.size(); ++i)
    checks.push_back(check(function, function.names()[i], gradients[i], i, options));
  return checks;
}

}  // namespace neurons
