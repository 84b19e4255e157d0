#pragma once
/// The options of fused nodes.

#include <string>

#include "neurons/graph/chain.hpp"

namespace neurons::ops {

/// Options of the Chain op.
struct ChainOptions {
  Chain chain;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    std::string text = self.chain.to_string();  // for listings; fused nodes are never parsed
    visit("chain", text);
  }
};

}  // namespace neurons::ops
