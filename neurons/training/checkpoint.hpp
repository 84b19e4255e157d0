#pragma once
/// All that a training run needs to go on bit-exactly, in one safetensors file.

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "neurons/formats/safetensors.hpp"
#include "neurons/training/fingerprint.hpp"
#include "neurons/training/schedules.hpp"
#include "neurons/training/tally.hpp"

namespace neurons {

/// What the Trainer itself keeps; the weights and how they are trained are the engine's.
struct TrainingState {
  std::vector<EpochRecord> epochs;                                  ///< made so far
  Tally tally;                                                      ///< of the epoch under way
  std::int64_t step_of_epoch = 0;                                   ///< batches of it made
  double seconds = 0;                                               ///< spent on it
  double learning_rate = std::numeric_limits<double>::quiet_NaN();  ///< of the last update; full-batch methods have none
  PlateauState plateau;
  double best_loss = std::numeric_limits<double>::infinity();
  std::int64_t best_epoch = 0;
  std::map<std::string, Tensor> best_weights;  ///< empty where they will not be needed
  bool converged = false;                      ///< of a full-batch method: nothing is left to gain
};

/// Names and numbers of an engine: its weights, what its optimiser has learnt, and where it stands.
struct EngineState {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::int64_t> numbers;
  bool operator==(const EngineState&) const = default;
};

struct Checkpoint {
  Fingerprint fingerprint;
  TrainingState training;
  EngineState engine;
};

std::string format_checkpoint(const Checkpoint& checkpoint);

/// Throws InputError naming `source` where the bytes are not what format_checkpoint gave: cut short, changed, of another kind.
Checkpoint parse_checkpoint(std::span<const std::byte> bytes, const std::string& source);

}  // namespace neurons
