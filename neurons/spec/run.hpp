#pragma once
/// From a spec to a trained network in a run folder.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "neurons/spec/evaluate.hpp"
#include "neurons/spec/load_weights.hpp"
#include "neurons/spec/prepare.hpp"
#include "neurons/spec/spec.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons {

/// What is known before the first step.
struct RunStart {
  const Spec& spec;  ///< resolved
  const LoadedData& data;
  const Network& network;
  std::optional<std::filesystem::path> moved;  ///< where an earlier run of that folder is now
};

struct RunOptions {
  std::filesystem::path folder;
  /// Continue the run in the folder. Its spec must be the same but for epochs (no fewer than it has made), threads and how often
  /// checkpoints are written.
  bool resume = false;
  std::optional<WeightsFile> weights = {};         ///< what the network begins with, instead of random weights
  std::vector<std::filesystem::path> places = {};  ///< where else to look for a folder data/
  std::function<void()> before_files =
      nullptr;  ///< all is set up, nothing is written yet; up to here an exit leaves nothing behind
  std::function<void(const RunStart&)> on_start = nullptr;  ///< then
  std::function<void(const StepRecord&)> on_step = nullptr;
  std::function<void(const EpochRecord&)> on_epoch = nullptr;
  std::atomic<bool>* interrupt = nullptr;
};

struct RunOutcome {
  History history;
  std::optional<Evaluation> validation;  ///< of the final weights
  std::optional<Evaluation> test;        ///< of the final weights; neither after an interruption
  std::string without_onnx = {};         ///< why there is no model.onnx; empty: there is
};

/// Trains, and leaves in the folder spec.toml (resolved), metrics.jsonl, checkpoint/, model.safetensors and,
/// where ONNX has operators for it, model.onnx. An earlier run in that
/// folder is moved to FOLDER.1 (or .2, …), never lost. Throws InputError, before anything is written, where spec, data and network
/// do not fit together, for a folder that holds other things than a run, and for a resumed run whose spec has changed; RuntimeError
/// as train() does.
RunOutcome run(Spec spec, const RunOptions& options);

}  // namespace neurons
