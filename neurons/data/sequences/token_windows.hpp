#pragma once
/// Tokens as samples: each window of them, with the token that follows each step as that step's label.

#include <cstdint>
#include <span>
#include <string>

#include "neurons/data/dataset.hpp"
#include "neurons/data/sequences/tokenizer.hpp"

namespace neurons {

/// To learn from: windows [samples, length] that begin every `stride` tokens. The tokens that no whole window holds are left out.
/// Throws InputError naming `source` where there are fewer than length + 1 tokens.
Dataset token_windows(const Tokenizer& tokenizer, std::span<const std::int64_t> tokens, std::int64_t length, std::int64_t stride,
                      const std::string& source);

/// To judge by: each token but the first is the label of exactly one step, and all but those of the first window have at least half
/// a window before them (the steps that only give them that have kIgnoredLabel). Throws as token_windows() does.
Dataset judged_windows(const Tokenizer& tokenizer, std::span<const std::int64_t> tokens, std::int64_t length,
                       const std::string& source);

/// To judge by with the state carried from window to window: they follow one another, and each token but the first is the label of
/// exactly one step. Behind the end the last one holds token 0 and kIgnoredLabel. Throws as token_windows() does.
Dataset stream_windows(const Tokenizer& tokenizer, std::span<const std::int64_t> tokens, std::int64_t length,
                       const std::string& source);

}  // namespace neurons
