#pragma once
/// What makes the epochs of a training: batch by batch, or one iteration on all samples. The Trainer does the rest.

#include <cstdint>
#include <functional>
#include <memory>

#include "neurons/training/checkpoint.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons {

class Engine {
 public:
  virtual ~Engine() = default;

  /// Called after each step; false: stop here. `state.tally` and `state.step_of_epoch` then include that step.
  using AfterStep = std::function<bool()>;
  /// Goes on to the end of the epoch under way. False if `after_step` stopped it before. Throws RuntimeError where the loss is not
  /// finite.
  virtual bool run_epoch(TrainingState& state, const AfterStep& after_step) = 0;
  /// Batches in an epoch.
  virtual std::int64_t steps_per_epoch() const = 0;
  /// Samples in an epoch.
  virtual std::int64_t samples() const = 0;
  /// Updates made so far.
  virtual std::int64_t updates() const = 0;

  /// The network with the weights as they are now.
  virtual const Network& network() = 0;
  /// A learner with the weights as they are now, for evaluation.
  virtual Learner& evaluator() = 0;

  virtual EngineState save() = 0;
  /// Goes on where an engine of the same network, data and options stood. Throws InputError naming `source` if something is
  /// missing.
  virtual void restore(const EngineState& state, const std::string& source) = 0;
};

/// First-order optimisers. `network`, `data` and `options` must outlive it.
std::unique_ptr<Engine> batch_engine(const Network& network, const Dataset& data, const TrainOptions& options);

/// L-BFGS and Levenberg–Marquardt.
std::unique_ptr<Engine> full_batch_engine(const Network& network, const Dataset& data, const TrainOptions& options);

/// How a Learner sees data and options.
LearnerOptions learner_options(const Dataset& data, const TrainOptions& options, const Optimizer& optimizer);

}  // namespace neurons
