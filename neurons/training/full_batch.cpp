#include "neurons/training/full_batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "neurons/training/network_mean_loss.hpp"
#include "neurons/training/network_squares.hpp"
#include "neurons/training/vectors.hpp"

namespace neurons {
namespace {

constexpr std::size_t kMaximumParameters = 4096;  // of Levenberg–Marquardt: its matrices grow with the square
constexpr double kFloatRounding = 1e-7;           // relative error of a mean loss computed in floats

void require_one_input(std::string_view method, const Network& network, const Dataset& data) {
  if (network.inputs().size() != 1 || network.outputs().empty()) {
    fail_input("{}: expects a network with one input and an output, this one has {} and {}", method, network.inputs().size(),
               network.outputs().size());
  }
  const Shape& sample = network.inputs().front().sample;
  if (sample != data.input_shape()) {
    fail_input("{}: the network takes samples {}, the data has {}", method, sample.to_string(), data.input_shape().to_string());
  }
}

void require_targets(std::string_view method, const TensorType& prediction, const Dataset& data, const Loss& loss) {
  if (method == LevenbergMarquardt::kKind && data.has_targets_of_steps()) {
    fail_input("{}: has no use for a target for each step; choose lbfgs or adam", method);
  }
  const TensorType wanted = loss.target_type(prediction, data.is_classification());
  if (wanted != data.targets.type()) {
    fail_input("{}: loss {} on predictions {} needs targets {}, the data has {}", method, loss.kind(), prediction.shape.to_string(),
               wanted.to_string(), data.targets.type().to_string());
  }
  const std::int64_t outputs = prediction.shape.elements() / data.samples();
  if (data.is_classification() && data.classes() > std::max<std::int64_t>(2, outputs)) {
    fail_input("{}: the data has {} classes, the network {} outputs", method, data.classes(), outputs);
  }
}

/// The network with parameters, if it, data and options fit together.
Network checked(std::string_view method, Network network, const Dataset& data, const FullBatchOptions& options) {
  data.validate();
  if (data.samples() == 0) fail_input("{}: the data has no samples", method);
  const auto& weights = data.sample_weights;
  if (!weights.empty() && std::ranges::all_of(weights, [](float weight) { return weight == 0; })) {
    fail_input("{}: all sample weights are 0", method);
  }
  require_one_input(method, network, data);
  if (!(options.l2 >= 0 && std::isfinite(options.l2))) fail_input("l2 = {} must be at least 0", options.l2);
  Graph graph(network.table());
  network.build(graph, data.samples(), Mode::training);
  if (graph.has("step")) {
    fail_input("{}: the network has dropout, but the loss must not change between evaluations; take it out, or use adam", method);
  }
  if (!graph.assignments().empty()) {
    fail_input("{}: the network has batch normalisation, whose statistics are those of small batches; take group_norm or adam",
               method);
  }
  require_targets(method, graph.info(graph.outputs().front().value).type, data, options.loss);
  network.initialize_missing(network.seed());
  if (FlatParameters(network).size() == 0) fail_input("{}: nothing to train: all parameters are frozen", method);
  return network;
}

std::shared_ptr<ThreadTeam> team_of(const FullBatchOptions& options) {
  return options.team ? options.team : std::make_shared<ThreadTeam>();
}

class LbfgsRun final : public FullBatchRun {
 public:
  LbfgsRun(const Lbfgs& rule, const Network& network, const Dataset& data, const FullBatchOptions& options)
      : network_(checked(Lbfgs::kKind, network, data, options)),
        function_(network_, data, options.loss, options.l2, team_of(options)),
        minimizer_(
            rule, [this](std::span<const double> point, std::span<double> gradient) { return function_(point, gradient); },
            function_.flat().read(network_), kFloatRounding) {}

  IterationResult iterate() override {
    IterationResult result;
    result.finite = std::isfinite(minimizer_.value()) && std::isfinite(minimizer_.gradient_norm());
    result.converged = minimizer_.iterate();
    result.objective = minimizer_.value();
    result.loss = result.objective - function_.penalty(minimizer_.point());
    result.gradient_norm = minimizer_.gradient_norm();
    return result;
  }
  const Network& network() override {
    function_.flat().write(minimizer_.point(), network_);
    return network_;
  }
  std::map<std::string, Tensor> state() const override { return minimizer_.state(); }
  void restore(const std::map<std::string, Tensor>& state) override { minimizer_.restore(state); }
  std::string summary() const override {
    return fmt::format("gradient norm {:.2e}, {} evaluations", minimizer_.gradient_norm(), minimizer_.evaluations());
  }

 private:
  Network network_;
  NetworkMeanLoss function_;
  LbfgsMinimizer minimizer_;
};

/// Mean losses become sums of squares: ½ Σ r² is the mean loss times half of (outputs · total weight).
class LevenbergMarquardtRun final : public FullBatchRun {
 public:
  LevenbergMarquardtRun(const LevenbergMarquardt& rule, const Network& network, const Dataset& data,
                        const FullBatchOptions& options)
      : rule_(rule),
        network_(checked(LevenbergMarquardt::kKind, require_small(network), data, require_squares(options))),
        function_(network_, data, team_of(options)),
        scale_(function_.total_weight() * static_cast<double>(data.outputs()) / 2),
        minimizer_(rule, function_, function_.flat().read(network_), function_.flat().decay(options.l2 * scale_),
                   function_.flat().groups()) {}

  IterationResult iterate() override {
    IterationResult result;
    result.finite = std::isfinite(minimizer_.squares());
    result.converged = minimizer_.iterate();
    result.loss = minimizer_.squares() / 2 / scale_;
    result.objective = minimizer_.objective() / scale_;
    result.gradient_norm = norm(minimizer_.gradient()) / scale_;
    return result;
  }
  const Network& network() override {
    function_.flat().write(minimizer_.point(), network_);
    return network_;
  }
  std::map<std::string, Tensor> state() const override { return minimizer_.state(); }
  void restore(const std::map<std::string, Tensor>& state) override { minimizer_.restore(state); }
  std::string summary() const override {
    std::string text = fmt::format("damping {:.2e}, {} evaluations", minimizer_.damping(), minimizer_.evaluations());
    if (!rule_.bayesian) return text;
    return text + fmt::format(", {:.1f} of {} parameters determined", minimizer_.effective_parameters(), function_.flat().size());
  }

 private:
  static const Network& require_small(const Network& network) {
    const std::size_t size = FlatParameters(network).size();
    if (size > kMaximumParameters) {
      fail_input(
          "levenberg_marquardt: {} trained parameters are too many, at most {}: it solves for all of them at once; use lbfgs", size,
          kMaximumParameters);
    }
    return network;
  }
  static const FullBatchOptions& require_squares(const FullBatchOptions& options) {
    if (options.loss.kind() != MeanSquaredError::kKind) {
      fail_input("levenberg_marquardt: minimises squares, so the loss must be mse, not {}; use lbfgs", options.loss.kind());
    }
    return options;
  }

  LevenbergMarquardt rule_;
  Network network_;
  NetworkSquares function_;
  double scale_;
  LeastSquaresMinimizer minimizer_;
};

}  // namespace

std::unique_ptr<FullBatchRun> start_full_batch(const Method& method, const Network& network, const Dataset& data,
                                               const FullBatchOptions& options) {
  if (const auto* rule = method.lbfgs()) return std::make_unique<LbfgsRun>(*rule, network, data, options);
  if (const auto* rule = method.levenberg_marquardt()) {
    return std::make_unique<LevenbergMarquardtRun>(*rule, network, data, options);
  }
  fail_input("{} goes batch by batch: use a Learner; lbfgs and levenberg_marquardt look at all samples at once", method.kind());
}

}  // namespace neurons
