#pragma once
/// The files of one training run: metrics.jsonl, checkpoint/state.safetensors, model.safetensors.

#include <filesystem>
#include <string>
#include <vector>

#include "neurons/formats/safetensors.hpp"
#include "neurons/training/checkpoint.hpp"

namespace neurons {

/// Keeps other runs out of a folder as long as it lives, or as its process does (flock).
class RunLock {
 public:
  /// Throws InputError if another run writes into the folder now. A folder that is not there, or that cannot be locked, keeps
  /// nobody out.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int file_ = -1;
};

/// Every write either happens wholly or leaves what was there, and throws RuntimeError naming the file and the system's reason.
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  /// Makes the folders where they are not there.
  void create() const;
  /// Removes what a killed run left half-written. Nobody else may be writing (RunLock).
  void remove_left_overs() const;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoint_path() const { return path_ / "checkpoint" / "state.safetensors"; }
  std::filesystem::path metrics_path() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path model_path() const { return path_ / "model.safetensors"; }

  /// What format_checkpoint() gives. Throws Interrupted, as write_file_atomically() does.
  void write_checkpoint(std::string_view bytes, const std::atomic<bool>* interrupt = nullptr) const;
  /// Throws InputError where there is none, or it is damaged.
  Checkpoint read_checkpoint() const;

  /// metrics.jsonl anew, one line for each epoch.
  void write_metrics(const std::vector<EpochRecord>& epochs) const;
  void append_metrics(const EpochRecord& record) const;

  /// Parameters in plain row-major form by name ("dense1.weight": f32 [neurons, inputs]).
  void write_model(const Network& network, const std::map<std::string, std::string>& metadata) const;
  void remove_model() const;

 private:
  std::filesystem::path path_;
};

/// One JSON object on one line, without the numbers that were not computed; infinity, which JSON does not know, as the texts
/// "Infinity" and "-Infinity".
std::string to_json(const EpochRecord& record);

}  // namespace neurons
