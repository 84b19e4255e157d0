#pragma once
/// Ctrl-C and kill as a flag that the job looks at.

#include <atomic>

namespace neurons::cli {

/// While it lives, SIGINT and SIGTERM end the program with a word that nothing is written; from wait() on the first one sets
/// flag(), and a second one ends the program at once.
class Interrupt {
 public:
  /// `json`: the word is an object on stdout, too.
  explicit Interrupt(bool json);
  ~Interrupt();
  void wait();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  static std::atomic<bool>* flag();
};

}  // namespace neurons::cli
