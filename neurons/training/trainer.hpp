#pragma once
/// Training from start to end: epochs over a dataset, validation, schedules, early stopping, checkpoints, resuming.
///
///     auto digits = read_mnist("data/mnist");
///     auto network = Sequential{{1, 28, 28}, Flatten{}, Dense{128}, Relu{}, Dense{10}};
///     auto history = train(network, digits.train, {.optimizer = Adam{}, .epochs = 5, .batch_size = 128,
///                                                  .validation = digits.test, .seed = 1});

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "neurons/data/augmentation.hpp"
#include "neurons/data/dataset.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/training/learner.hpp"
#include "neurons/training/method.hpp"
#include "neurons/training/metrics.hpp"
#include "neurons/training/schedule.hpp"
#include "neurons/training/schedules.hpp"

namespace neurons {

struct EarlyStopping {
  std::int64_t patience = 0;       ///< epochs without a better validation loss before training ends; 0: off
  double minimum_improvement = 0;  ///< a loss counts as better if it is smaller by more than this

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("patience", self.patience);
    visit("minimum_improvement", self.minimum_improvement);
  }
};

/// What one epoch came to. A number that was not computed is NaN.
struct EpochRecord {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::int64_t epoch = 0;   ///< from 1
  std::int64_t step = 0;    ///< updates made since the start
  double loss = kNone;      ///< mean training loss over the epoch, of each batch as it came
  double accuracy = kNone;  ///< of the training batches as they came (class labels)
  double validation_loss = kNone;
  double validation_accuracy = kNone;  ///< class labels
  double validation_rmse = kNone;      ///< regression: over all outputs
  double learning_rate = kNone;        ///< of the epoch's last update; full-batch methods have none
  double seconds = 0;                  ///< of this epoch, validation included
};

/// Said now and then while training goes on (at most ten times a second).
struct StepRecord {
  std::int64_t epoch = 0;  ///< from 1
  std::int64_t epochs = 0;
  std::int64_t step = 0;  ///< of this epoch, from 1
  std::int64_t steps = 0;
  double loss = 0;                       ///< mean over the epoch so far
  double accuracy = EpochRecord::kNone;  ///< mean over the epoch so far; NaN for regression
  double samples_per_second = 0;
  double seconds_left = 0;  ///< of the whole training, at this speed
};

enum class StopReason {
  completed,    ///< all epochs made, or a full-batch method converged
  early,        ///< early stopping
  interrupted,  ///< TrainOptions::interrupt
};

struct History {
  std::vector<EpochRecord> epochs;
  std::int64_t epochs_before = 0;  ///< of them, those that a resumed run had made before this call
  StopReason stop = StopReason::completed;
  std::int64_t best_epoch = 0;  ///< with the least validation loss; 0 without validation
  double seconds = 0;           ///< of this call
  std::string weights_sha256;   ///< of the final parameters, by name
};

struct TrainOptions {
  Loss loss = CrossEntropy{};
  Method optimizer = Adam{};  ///< a first-order rule, Lbfgs or LevenbergMarquardt
  std::vector<ParameterGroup> groups{};
  Schedule schedule = Constant{};  ///< ReduceOnPlateau needs validation data
  std::int64_t warm_up_steps = 0;  ///< the rate rises linearly over that many updates first
  double clip_value = 0;
  std::optional<double> clip_norm{};  ///< none: 1 for recurrent networks, else off (see LearnerOptions)
  double l1 = 0;
  double l2 = 0;
  int accumulate = 1;  ///< batches of which one update is made; the last ones of an epoch make one in any case
  std::int64_t epochs = 10;
  std::int64_t batch_size = 32;  ///< full-batch methods take all samples, whatever it says
  bool drop_last = false;        ///< leave out the last batch of an epoch if it is smaller: other samples in each epoch
  /// Truncated back-propagation through time: the data are windows that follow one another, such as a text's. They are parted into
  /// batch_size streams (LoaderOptions::streams), and recurrent neurons begin each batch with what they remember of the one before,
  /// from zeros at the start of each epoch; no gradient goes back beyond a batch. Validation data are one such stream.
  bool carry_state = false;
  /// Changes the training pictures at random, each a function of (seed, epoch, sample) alone; validation sees them as they are.
  std::optional<Augmentation> augment{};
  std::optional<Dataset> validation{};
  double target_unit = 1;          ///< by what targets were divided to be learnt: validation_rmse is told in their own units
  EarlyStopping early_stopping{};  ///< needs validation data
  bool restore_best = false;       ///< end with the weights of the best epoch (always so where early stopping ended it)
  std::uint64_t seed = 0;          ///< of initial weights (where the network has none), order of samples and dropout
  int threads = 0;                 ///< 0: one for each core

  /// Where metrics.jsonl, checkpoint/ and model.safetensors are written. A checkpoint is written before the first step, at the end
  /// (also after an interrupt), and at the end of epochs as long as that takes less than a twentieth of the time.
  std::optional<std::filesystem::path> run_folder{};
  std::int64_t checkpoint_steps = 0;  ///< updates between further checkpoints; 0: none
  double checkpoint_seconds = 60;     ///< and at least this often
  /// Continue from the folder's checkpoint, mid-epoch and bit-exactly. Network, data and options must be those of the run, but for
  /// threads, files, callbacks and (where the schedule does not depend on it) the number of epochs, which may not be fewer than the
  /// run has made. A run that has ended is left as it is.
  bool resume = false;
  std::map<std::string, std::string> metadata{};  ///< written into model.safetensors: spec, encoder, class names

  std::function<void()> on_begin{};  ///< all is set up, nothing is written yet into the run folder; not without one
  std::function<void(const StepRecord&)> on_step{};
  std::function<void(const EpochRecord&)> on_epoch{};
  /// When it becomes true: end the step, save a checkpoint and return. If it does so while a large checkpoint before the first step
  /// is written: leave none and throw Interrupted.
  std::atomic<bool>* interrupt = nullptr;
};

/// Trains `network` in place; the loss is of its first output. Bit-identical for any number of threads. Throws InputError where
/// network, data and options do not fit together (before anything is written), and RuntimeError where the loss stops being finite
/// (the update is not made; the message names the first op, neuron, sample and step) or a file cannot be written; `network` then
/// holds the weights after the last update.
History train(Network& network, const Dataset& data, const TrainOptions& options = {});

/// SHA-256 over name, type and bytes of all parameters, in order of their names: 64 hex digits.
std::string weights_sha256(const Network& network);

/// The network's first output for all samples, f32 [samples, outputs…], in inference mode. Throws InputError where data and network
/// do not fit together.
Tensor predict(const Network& network, const Dataset& data, std::int64_t batch_size = 256, int threads = 0);

/// The same for samples that follow one another: recurrent neurons begin each with what they remember of the one before. Throws
/// InputError as predict() and carry_state() do.
Tensor predict_stream(const Network& network, const Dataset& data, int threads = 0);

}  // namespace neurons
