#pragma once
/// Training as it goes on, on stderr: a table of epochs with a live bar below on a terminal, plain lines elsewhere.

#include <cstdint>
#include <string>
#include <vector>

#include "apps/cli/terminal.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons::cli {

class Progress {
 public:
  /// Columns suit a training of that many epochs, with class labels or not, with a validation part or not.
  Progress(std::int64_t epochs, bool classification, bool validation);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void step(const StepRecord& record);
  void epoch(const EpochRecord& record);
  /// Takes the bar away.
  void clear();

 private:
  void row(const std::string& cells);
  std::string bar(double share, int width) const;
  int epoch_width() const;
  std::vector<std::string> header() const;

  std::int64_t epochs_;
  bool classification_;
  bool validation_;
  bool header_written_ = false;
  bool bar_drawn_ = false;
  double last_row_seconds_ = 0;  ///< of training since the last row
};

}  // namespace neurons::cli
