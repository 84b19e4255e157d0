#pragma once
/// How a text becomes samples.

#include <cstdint>

#include "neurons/base/number_check.hpp"
#include "neurons/data/sequences/tokenizer.hpp"

namespace neurons {

struct TextOptions {
  TokenKind tokens = TokenKind::character;
  std::int64_t vocabulary = 512;  ///< of byte pairs: at most so many tokens
  std::int64_t length = 128;      ///< tokens of one sample
  std::int64_t stride = 0;        ///< tokens from one training sample to the next; 0: `length`, so that none overlap

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("tokens", self.tokens);
    visit("vocabulary", self.vocabulary);
    visit("length", self.length);
    visit("stride", self.stride);
  }
};

/// Shows all its numbers.
inline NumberCheck check_numbers(const TextOptions& options) {
  NumberCheck check;
  if (options.tokens == TokenKind::byte_pair) check.between<std::int64_t>("vocabulary", options.vocabulary, 257, 1'000'000);
  check.between<std::int64_t>("length", options.length, 1, 1'000'000);
  check.between<std::int64_t>("stride", options.stride, 0, 1'000'000);
  return check;
}

}  // namespace neurons
