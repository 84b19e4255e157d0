#include "neurons/data/loader.hpp"
#include "neurons/training/batch_views.hpp"
#include "neurons/training/engine.hpp"
#include "neurons/training/full_batch.hpp"
#include "neurons/training/nonfinite.hpp"

namespace neurons {
namespace {

/// One iteration of L-BFGS or Levenberg–Marquardt is one epoch of one step.
class FullBatchEngine : public Engine {
 public:
  FullBatchEngine(const Network& network, const Dataset& data, const TrainOptions& options)
      : data_(data),
        learner_(network, learner_options(data, options, Sgd{})),
        run_(start_full_batch(options.optimizer, network, data,
                              {.loss = options.loss, .l2 = options.l2, .team = learner_.team()})) {}

  bool run_epoch(TrainingState& state, const AfterStep& after_step) override {
    const IterationResult result = run_->iterate();
    stale_ = true;
    if (!result.finite) throw RuntimeError(explain());
    ++updates_;
    state.converged = result.converged;
    state.tally.loss = result.loss;
    state.tally.weight = 1;
    state.tally.samples = data_.samples();
    if (data_.is_classification()) {
      const Tally now = evaluate(evaluator(), data_, kEvaluationBatch);
      state.tally.correct = now.correct;
      state.tally.labels = now.labels;
    }
    state.step_of_epoch = 1;
    after_step();
    return true;
  }

  std::int64_t steps_per_epoch() const override { return 1; }
  std::int64_t samples() const override { return data_.samples(); }
  std::int64_t updates() const override { return updates_; }
  const Network& network() override { return run_->network(); }

  Learner& evaluator() override {
    if (stale_) {
      for (const auto& [name, tensor] : run_->network().parameters()) learner_.states().set(name, tensor);
      stale_ = false;
    }
    return learner_;
  }

  EngineState save() override { return {run_->state(), {{"steps", updates_}}}; }

  void restore(const EngineState& state, const std::string& source) override {
    const auto steps = state.numbers.find("steps");
    if (steps == state.numbers.end()) fail_input("{}: has no \"steps\"", source);
    run_->restore(state.tensors);
    updates_ = steps->second;
    stale_ = true;
  }

 private:
  static constexpr std::int64_t kEvaluationBatch = 256;

  /// All samples as one batch of the learner, to find what is wrong.
  std::string explain() {
    evaluator().resume(updates_, updates_, 0);
    Loader loader(data_, {.batch_size = data_.samples(), .shuffle = false});
    const Batch& batch = learner_.batch(data_.samples(), 0, true);
    loader.start(views_of(batch));
    const BatchInfo info = loader.wait();
    return explain_nonfinite(learner_, batch, info.indices);
  }

  const Dataset& data_;
  Learner learner_;  ///< for evaluation alone
  std::unique_ptr<FullBatchRun> run_;
  std::int64_t updates_ = 0;
  bool stale_ = true;  ///< the learner has not the run's weights
};

}  // namespace

std::unique_ptr<Engine> full_batch_engine(const Network& network, const Dataset& data, const TrainOptions& options) {
  return std::make_unique<FullBatchEngine>(network, data, options);
}

}  // namespace neurons
