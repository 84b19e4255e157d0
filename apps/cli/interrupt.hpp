#pragma once
/// Ctrl-C and kill as a flag that the job looks at.

#include <atomic>

namespace neurons::cli {

/// While it lives, the first SIGINT or SIGTERM sets flag(); a second one ends the program at once.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  static std::atomic<bool>* flag();
};

}  // namespace neurons::cli
