#include <algorithm>
#include <limits>

#include "neurons/base/error.hpp"
#include "neurons/data/loader.hpp"
#include "neurons/training/batch_views.hpp"
#include "neurons/training/engine.hpp"
#include "neurons/training/nonfinite.hpp"

namespace neurons {
namespace {

/// Batches from the loader to the learner. While one slot of input buffers is used, the loader fills the other.
class BatchEngine : public Engine {
 public:
  BatchEngine(const Network& network, const Dataset& data, const TrainOptions& options)
      : options_(options),
        labels_(data.is_classification()),
        samples_(data.samples()),
        learner_(network, learner_options(data, options, *options.optimizer.optimizer())),
        // The first plan of all is that of a full batch, so that parameters are always stored in the same way.
        loader_(data, {.batch_size = options.batch_size,
                       .shuffle = !options.carry_state,
                       .streams = options.carry_state,
                       .seed = options.seed,
                       .drop_last = options.drop_last,
                       .augment = options.augment,
                       .label_columns = label_columns(learner_.batch(options.batch_size, 0, true))}) {
    progress_.steps_per_epoch = (loader_.steps_per_epoch() + options.accumulate - 1) / options.accumulate;
    if (options.epochs > std::numeric_limits<std::int64_t>::max() / std::max<std::int64_t>(1, progress_.steps_per_epoch)) {
      fail_input("epochs = {}: of {} steps each, more than can be counted; take fewer (early stopping ends training sooner)",
                 options.epochs, progress_.steps_per_epoch);
    }
    progress_.total_steps = options.epochs * progress_.steps_per_epoch;
  }

  bool run_epoch(TrainingState& state, const AfterStep& after_step) override {
    if (!started_) start(0);
    for (;;) {
      const BatchInfo batch = loader_.wait();
      const int slot = slot_;
      // Across the end of the epoch, too: it fills while others validate. Nothing is asked for after the last epoch.
      started_ = !batch.last_of_epoch || batch.epoch + 1 < options_.epochs;
      if (started_) start(1 - slot);
      step(state, batch, slot);
      if (!after_step()) return batch.last_of_epoch;
      if (batch.last_of_epoch) return true;
    }
  }

  std::int64_t steps_per_epoch() const override { return loader_.steps_per_epoch(); }
  std::int64_t samples() const override { return samples_; }
  std::int64_t updates() const override { return learner_.steps(); }
  const Network& network() override { return learner_.network(); }
  Learner& evaluator() override { return learner_; }

  EngineState save() override {
    EngineState state;
    for (const auto& name : learner_.states().names()) state.tensors.emplace(name, learner_.states().get(name));
    const Loader::State at = loader_.state();
    state.numbers = {{"steps", learner_.steps()},
                     {"batches", learner_.batches()},
                     {"pending", learner_.pending()},
                     {"loader epoch", at.epoch},
                     {"loader position", at.position}};
    return state;
  }

  void restore(const EngineState& state, const std::string& source) override {
    if (options_.accumulate > 1) learner_.batch(options_.batch_size, 0, false);  // so that all states are there
    for (const auto& name : learner_.states().names()) {
      const auto found = state.tensors.find(name);
      if (found == state.tensors.end()) fail_input("{}: has no \"{}\"", source, name);
      learner_.states().set(name, found->second);
    }
    const auto number = [&](const std::string& name) {
      const auto found = state.numbers.find(name);
      if (found == state.numbers.end()) fail_input("{}: has no \"{}\"", source, name);
      return found->second;
    };
    learner_.resume(number("steps"), number("batches"), static_cast<int>(number("pending")));
    loader_.restore({options_.seed, number("loader epoch"), number("loader position")});
    index_ = number("loader position") / options_.batch_size;
    started_ = false;
  }

 private:
  /// Asks for the next batch.
  void start(int slot) {
    ends_[slot] = (index_ + 1) % options_.accumulate == 0 || index_ + 1 == loader_.steps_per_epoch();
    loader_.start(views_of(learner_.batch(loader_.next_rows(), slot, ends_[slot])));
    slot_ = slot;
    index_ = index_ + 1 == loader_.steps_per_epoch() ? 0 : index_ + 1;
    started_ = true;
  }

  void step(TrainingState& state, const BatchInfo& batch, int slot) {
    progress_.step = learner_.steps();
    const double scale =
        options_.schedule.factor(progress_) * warm_up_factor(progress_.step, options_.warm_up_steps) * state.plateau.factor;
    state.learning_rate = learner_.rate() * scale;
    const bool ends = ends_[slot];
    if (batch.index == 0) learner_.reset_state();
    const StepResult result = learner_.step(batch.rows, slot, scale, ends);
    const Batch& buffers = learner_.batch(batch.rows, slot, ends);
    if (!result.finite) throw RuntimeError(explain_nonfinite(learner_, buffers, batch.indices));
    state.tally.loss += static_cast<double>(result.loss) * static_cast<double>(result.weight);
    state.tally.weight += static_cast<double>(result.weight);
    state.tally.samples += batch.rows;
    if (labels_) {
      state.tally.correct += count_correct(learner_.prediction(), buffers.target);
      state.tally.labels += count_labels(buffers.target);
    }
    ++state.step_of_epoch;
  }

  const TrainOptions& options_;
  bool labels_;
  std::int64_t samples_;
  Learner learner_;
  Loader loader_;  // after the learner: it may be filling the learner's buffers
  Progress progress_;
  std::int64_t index_ = 0;  ///< within its epoch, of the next batch to ask for
  int slot_ = 0;            ///< where the batch asked for last goes
  bool ends_[2] = {};       ///< whether the batch in that slot ends an accumulation
  bool started_ = false;    ///< a batch is on its way
};

}  // namespace

std::unique_ptr<Engine> batch_engine(const Network& network, const Dataset& data, const TrainOptions& options) {
  return std::make_unique<BatchEngine>(network, data, options);
}

LearnerOptions learner_options(const Dataset& data, const TrainOptions& options, const Optimizer& optimizer) {
  LearnerOptions result;
  result.loss = options.loss;
  result.optimizer = optimizer;
  result.groups = options.groups;
  result.clip_value = options.clip_value;
  result.clip_norm = options.clip_norm;
  result.l1 = options.l1;
  result.l2 = options.l2;
  result.accumulate = options.accumulate;
  result.carry_state = options.carry_state;
  result.labels = data.is_classification() && !(options.augment && options.augment->mixes());
  result.sample_weights = !data.sample_weights.empty() || (options.validation && !options.validation->sample_weights.empty());
  result.team = std::make_shared<ThreadTeam>(options.threads);
  return result;
}

}  // namespace neurons
