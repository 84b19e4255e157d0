#pragma once
/// How arrays become sequences.

#include <string>

namespace neurons {

struct SequenceOptions {
  bool tokens = false;  ///< inputs are whole numbers [samples, time], which an Embedding reads; else numbers [samples, time, …]
  std::string lengths = {};  ///< array of how many steps of each exist; empty: "lengths", where there is one; else all exist

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("tokens", self.tokens);
    visit("lengths", self.lengths);
  }
};

}  // namespace neurons
