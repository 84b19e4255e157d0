#include "neurons/training/trainer.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/base/sha256.hpp"
#include "neurons/training/check_training.hpp"
#include "neurons/training/engine.hpp"
#include "neurons/training/pacer.hpp"
#include "neurons/training/run_folder.hpp"

namespace neurons {
namespace {

using Clock = Pacer::Clock;

double seconds_between(Clock::time_point from, Clock::time_point to) { return std::chrono::duration<double>(to - from).count(); }

/// Throws RuntimeError if a weight, or what an optimiser has learnt, is NaN or infinite.
void require_finite(const std::map<std::string, Tensor>& tensors, std::int64_t step) {
  for (const auto& [name, tensor] : tensors) {
    if (tensor.dtype() != DType::f32) continue;
    const auto values = tensor.values<float>();
    const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
    if (bad == values.end()) continue;
    fail_run("step {}: the update made {} of \"{}\" {}; lower the learning rate, clip the gradients (clip_norm), or check the data",
             step, fmt::format("element {}", bad - values.begin()), name, *bad);
  }
}

/// One call of train(): an engine makes the epochs, this keeps the books.
class Training {
 public:
  Training(const Network& network, const Dataset& data, const TrainOptions& options)
      : options_(options),
        labels_(data.is_classification()),
        engine_(options.optimizer.is_full_batch() ? full_batch_engine(network, data, options)
                                                  : batch_engine(network, data, options)) {
    if (!options.run_folder) return;
    folder_.emplace(*options.run_folder);
    fingerprint_ = fingerprint_of(network, data, options);
    options.resume ? resume() : begin();
  }

  /// To the end, or until interrupted.
  History run() {
    while (!finished() && !interrupted_) {
      const bool under_way = state_.step_of_epoch < engine_->steps_per_epoch();
      if (under_way && !engine_->run_epoch(state_, [this] { return after_step(); })) break;
      close_epoch();
    }
    return finish();
  }

  const Network& network() { return final_ ? *final_ : engine_->network(); }

 private:
  void begin() {
    const Clock::time_point before = Clock::now();
    const std::string bytes = checkpoint();
    if (options_.on_begin) options_.on_begin();
    folder_->create();
    lock_.emplace(folder_->path());
    folder_->remove_left_overs();
    keep(bytes, before, options_.interrupt);  // that the folder can be written to is known before hours of work, not after
    folder_->write_metrics({});
    folder_->remove_model();
  }

  void resume() {
    lock_.emplace(folder_->path());
    Checkpoint checkpoint = folder_->read_checkpoint();
    const std::string source = folder_->checkpoint_path().string();
    require_same(checkpoint.fingerprint, fingerprint_, source);
    require_epochs_left(checkpoint.training);
    engine_->restore(checkpoint.engine, source);
    state_ = std::move(checkpoint.training);
    if (options_.on_begin) options_.on_begin();
    folder_->remove_left_overs();
    folder_->write_metrics(state_.epochs);  // without epochs made after the checkpoint
    epochs_before_ = static_cast<std::int64_t>(state_.epochs.size());
    steps_before_ = steps();
    saved_updates_ = engine_->updates();
  }

  /// Throws if the checkpoint is further than training is to go: its weights are not those that are asked for.
  void require_epochs_left(const TrainingState& made) const {
    const auto epochs = static_cast<std::int64_t>(made.epochs.size());
    const bool between = made.step_of_epoch > 0;
    if (epochs + (between ? 1 : 0) <= options_.epochs) return;
    fail_input("{}: this run has made {} epochs already{}, more than epochs = {}; resume it with {} or more, or train anew",
               folder_->path().string(), epochs, between ? " and begun another" : "", options_.epochs, epochs + (between ? 1 : 0));
  }

  /// Batches made since the start of the run.
  std::int64_t steps() const {
    return static_cast<std::int64_t>(state_.epochs.size()) * engine_->steps_per_epoch() + state_.step_of_epoch;
  }

  bool stopped_early() const {
    const auto without_better = static_cast<std::int64_t>(state_.epochs.size()) - state_.best_epoch;
    return options_.early_stopping.patience > 0 && without_better >= options_.early_stopping.patience;
  }

  bool finished() const {
    return static_cast<std::int64_t>(state_.epochs.size()) >= options_.epochs || state_.converged || stopped_early();
  }

  /// False to stop here.
  bool after_step() {
    if (options_.interrupt != nullptr && options_.interrupt->load(std::memory_order_relaxed)) {
      interrupted_ = true;
      return false;
    }
    const bool many_updates = options_.checkpoint_steps > 0 && engine_->updates() - saved_updates_ >= options_.checkpoint_steps;
    if (folder_ && many_updates) save_checkpoint();
    if (!pacer_.due()) return true;
    const Clock::time_point now = Clock::now();
    if (folder_ && seconds_between(saved_, now) >= options_.checkpoint_seconds) save_checkpoint();
    constexpr double kBetweenRecords = 0.1;
    if (options_.on_step && seconds_between(told_, now) >= kBetweenRecords) tell(now);
    return true;
  }

  void tell(Clock::time_point now) {
    StepRecord record;
    record.epoch = static_cast<std::int64_t>(state_.epochs.size()) + 1;
    record.epochs = options_.epochs;
    record.step = state_.step_of_epoch;
    record.steps = engine_->steps_per_epoch();
    record.loss = state_.tally.mean_loss();
    if (labels_) record.accuracy = state_.tally.accuracy();
    const std::int64_t samples = (record.epoch - 1) * engine_->samples() + state_.tally.samples;
    if (told_samples_ < 0) told_samples_ = samples_before();
    record.samples_per_second = static_cast<double>(samples - told_samples_) / seconds_between(told_, now);
    const auto made = static_cast<double>(steps() - steps_before_);
    const auto left = static_cast<double>(options_.epochs) * static_cast<double>(record.steps) - static_cast<double>(steps());
    record.seconds_left = seconds_between(start_, now) / made * left;
    told_ = now;
    told_samples_ = samples;
    options_.on_step(record);
  }

  /// Samples seen before this call, about.
  std::int64_t samples_before() const {
    return static_cast<std::int64_t>(static_cast<double>(steps_before_) / static_cast<double>(engine_->steps_per_epoch()) *
                                     static_cast<double>(engine_->samples()));
  }

  /// Validation, schedule, best weights, records: everything at the end of an epoch.
  void close_epoch() {
    EpochRecord record;
    record.epoch = static_cast<std::int64_t>(state_.epochs.size()) + 1;
    record.step = engine_->updates();
    record.loss = state_.tally.mean_loss();
    if (labels_) record.accuracy = state_.tally.accuracy();
    record.learning_rate = state_.learning_rate;
    if (options_.validation) validate(record);
    spend();
    record.seconds = state_.seconds;
    state_.epochs.push_back(record);
    state_.tally = {};
    state_.step_of_epoch = 0;
    state_.seconds = 0;
    if (folder_) {
      folder_->append_metrics(record);
      constexpr double kShareOfTime = 0.05;
      if (seconds_between(saved_, Clock::now()) * kShareOfTime >= saving_seconds_) save_checkpoint();
    }
    if (options_.on_epoch) options_.on_epoch(record);
  }

  void validate(EpochRecord& record) {
    constexpr std::int64_t kBatch = 256;
    const Tally tally = evaluate(engine_->evaluator(), *options_.validation, std::max(options_.batch_size, kBatch));
    record.validation_loss = tally.mean_loss();
    if (labels_) record.validation_accuracy = tally.accuracy();
    if (!labels_) record.validation_rmse = tally.rmse() * options_.target_unit;
    if (const auto* plateau = options_.schedule.get<ReduceOnPlateau>()) {
      state_.plateau = plateau->next(state_.plateau, record.validation_loss);
    }
    if (!(record.validation_loss < state_.best_loss - options_.early_stopping.minimum_improvement)) return;
    state_.best_loss = record.validation_loss;
    state_.best_epoch = record.epoch;
    const bool needed = options_.restore_best || options_.early_stopping.patience > 0;
    if (needed) state_.best_weights = engine_->network().parameters();
  }

  /// Adds the time since the last call to that of the epoch.
  void spend() {
    const Clock::time_point now = Clock::now();
    state_.seconds += seconds_between(mark_, now);
    mark_ = now;
  }

  std::string checkpoint() {
    spend();
    const Checkpoint checkpoint{fingerprint_, state_, engine_->save()};
    require_finite(checkpoint.engine.tensors, engine_->updates());
    return format_checkpoint(checkpoint);
  }

  /// Writes a checkpoint that was begun at `before`.
  void keep(std::string_view bytes, Clock::time_point before, const std::atomic<bool>* interrupt = nullptr) {
    folder_->write_checkpoint(bytes, interrupt);
    saved_ = Clock::now();
    saving_seconds_ = seconds_between(before, saved_);
    saved_updates_ = engine_->updates();
  }

  void save_checkpoint() {
    const Clock::time_point before = Clock::now();
    keep(checkpoint(), before);
  }

  History finish() {
    History history;
    if (!finished()) {
      history.stop = StopReason::interrupted;
    } else if (stopped_early()) {
      history.stop = StopReason::early;
    }
    const bool went_on = !options_.resume || steps() > steps_before_;
    if (folder_ && went_on) save_checkpoint();
    const bool back = finished() && (options_.restore_best || history.stop == StopReason::early) && !state_.best_weights.empty();
    final_ = engine_->network();
    if (back) {
      for (const auto& [name, tensor] : state_.best_weights) final_->set_parameter(name, tensor);
    }
    require_finite(final_->parameters(), engine_->updates());
    if (folder_) folder_->write_model(*final_, options_.metadata);
    history.epochs = state_.epochs;
    history.epochs_before = epochs_before_;
    history.best_epoch = state_.best_epoch;
    history.seconds = seconds_between(start_, Clock::now());
    history.weights_sha256 = weights_sha256(*final_);
    return history;
  }

  const TrainOptions& options_;
  bool labels_;
  std::unique_ptr<Engine> engine_;
  TrainingState state_;
  std::optional<RunFolder> folder_;
  std::optional<RunLock> lock_;
  Fingerprint fingerprint_;
  std::optional<Network> final_;  ///< once the end is reached
  bool interrupted_ = false;

  Pacer pacer_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point mark_ = start_;   ///< until when the epoch's seconds are counted
  Clock::time_point told_ = start_;   ///< the last StepRecord
  Clock::time_point saved_ = start_;  ///< the last checkpoint
  double saving_seconds_ = 0;         ///< what that one took
  std::int64_t told_samples_ = -1;    ///< at the last StepRecord; -1 before the first
  std::int64_t saved_updates_ = 0;    ///< at the last checkpoint
  std::int64_t epochs_before_ = 0;    ///< of the run, when this call began
  std::int64_t steps_before_ = 0;     ///< likewise
};

}  // namespace

History train(Network& network, const Dataset& data, const TrainOptions& options) {
  check_training(network, data, options);
  Network start = network;
  start.initialize_missing(options.seed);
  Training training(start, data, options);
  try {
    History history = training.run();
    network = training.network();
    return history;
  } catch (...) {
    network = training.network();
    throw;
  }
}

std::string weights_sha256(const Network& network) {
  Sha256 hash;
  const auto add = [&](const std::string& text) { hash.update(std::as_bytes(std::span(text.c_str(), text.size() + 1))); };
  for (const auto& [name, tensor] : network.parameters()) {
    add(name);
    add(tensor.type().to_string());
    hash.update(tensor.bytes());
  }
  return hash.hex();
}

}  // namespace neurons
