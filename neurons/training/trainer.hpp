#pragma once
/// Training from start to end: epochs over a dataset, validation, schedules, early stopping, checkpoints, resuming.
///
///     auto digits = data::mnist("data/mnist");
///     auto network = Sequential{{1, 28, 28}, Flatten{}, Dense{128}, Relu{}, Dense{10}};
///     auto history = train(network, digits.train, {.optimizer = Adam{}, .epochs = 5, .batch_size = 128,
///                                                  .validation = digits.test, .seed = 1});

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "neurons/data/dataset.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/training/learner.hpp"
#include "neurons/training/method.hpp"
#include "neurons/training/metrics.hpp"
#include "neurons/training/schedule.hpp"
#include "neurons/training/schedules.hpp"

namespace neurons {

struct EarlyStopping {
  std::int64_t patience = 0;      ///< epochs without a better validation loss before training ends; 0: off
  double minimum_improvement = 0;  ///< a loss counts as better if it is smaller by more than this

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("patience", self.patience);
    visit("minimum_improvement", self.minimum_improvement);
  }
};

/// What one epoch came to. A number that was not computed is NaN.
struct EpochRecord {
  std::int64_t epoch = 0;  ///< from 1
  std::int64_t step = 0;   ///< updates made since the start
  double loss = 0;         ///< mean training loss over the epoch
  double accuracy = 0;     ///< of the training batches as they came (classification)
  double validation_loss = 0;
  double validation_accuracy = 0;  ///< classification
  double validation_rmse = 0;      ///< regression
  double learning_rate = 0;        ///< at the end of the epoch
  double seconds = 0;              ///< of this epoch, validation included
};

/// Said now and then while training goes on (at most ten times a second).
struct StepRecord {
  std::int64_t epoch = 0;  ///< from 1
  std::int64_t epochs = 0;
  std::int64_t step = 0;  ///< of this epoch, from 1
  std::int64_t steps = 0;
  double loss = 0;      ///< mean over the epoch so far
  double accuracy = 0;  ///< mean over the epoch so far; NaN for regression
  double samples_per_second = 0;
  double seconds_left = 0;  ///< of the whole training, at this speed
};

enum class StopReason { completed, early, interrupted };

struct History {
  std::vector<EpochRecord> epochs;
  StopReason stop = StopReason::completed;
  std::int64_t best_epoch = 0;  ///< with the least validation loss; 0 without validation
  double seconds = 0;           ///< of this call
  std::string weights_sha256;   ///< of the final parameters, by name
};

struct TrainOptions {
  Loss loss = CrossEntropy{};
  Method optimizer = Adam{};  ///< a first-order rule, Lbfgs or LevenbergMarquardt
  std::vector<ParameterGroup> groups;
  Schedule schedule = Constant{};
  std::int64_t warm_up_steps = 0;  ///< the rate rises linearly over that many updates first
  double clip_value = 0;
  double clip_norm = 0;
  double l1 = 0;
  double l2 = 0;
  int accumulate = 1;
  std::int64_t epochs = 10;
  std::int64_t batch_size = 32;
  std::optional<Dataset> validation;
  EarlyStopping early_stopping;
  bool restore_best = false;  ///< end with the weights of the best epoch (always so where early stopping ended it)
  std::uint64_t seed = 0;     ///< of initial weights (where the network has none), order of samples and dropout
  int threads = 0;            ///< 0: one for each core

  std::optional<std::filesystem::path> run_folder;  ///< metrics.jsonl, checkpoint/ and model.safetensors are written there
  std::int64_t checkpoint_steps = 0;                ///< updates between checkpoints besides those at the end of epochs; 0: none
  double checkpoint_seconds = 60;                   ///< and at least this often
  bool resume = false;                              ///< continue from the folder's checkpoint, mid-epoch and bit-exactly
  std::map<std::string, std::string> metadata;      ///< written into model.safetensors: spec, encoder, class names

  std::function<void(const StepRecord&)> on_step;
  std::function<void(const EpochRecord&)> on_epoch;
  std::atomic<bool>* interrupt = nullptr;  ///< when it becomes true: save a checkpoint and return
};

/// Trains `network` in place. Throws InputError where network, data and options do not fit together (before anything is written),
/// and RuntimeError where the loss stops being finite (the update is not made; the message names the first op, neuron, sample and
/// step) or a file cannot be written.
History train(Network& network, const Dataset& data, const TrainOptions& options = {});

/// Outputs of the network for all samples, f32 [samples, outputs…], in inference mode.
Tensor predict(const Network& network, const Dataset& data, std::int64_t batch_size = 256, int threads = 0);

}  // namespace neurons
