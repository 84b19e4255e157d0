#pragma once
/// Text to tokens, the whole numbers that an Embedding reads, and back.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neurons/data/sequences/byte_pairs.hpp"

namespace neurons {

enum class TokenKind : std::uint8_t {
  byte,       ///< 256 tokens, the bytes of UTF-8
  character,  ///< each character of the training text, and one for all that it lacks
  byte_pair   ///< bytes and frequent groups of them
};

/// Stored with the model, so that prompts and new texts become the tokens that the network was trained on.
class Tokenizer {
 public:
  /// Learns from `text` (UTF-8); `vocabulary` is how many tokens byte pairs may make, 257 at least. Throws InputError for a smaller
  /// one and for an empty text.
  static Tokenizer train(std::string_view text, TokenKind kind, std::int64_t vocabulary = 512);

  TokenKind kind() const noexcept { return kind_; }
  /// Tokens are 0 … vocabulary() − 1.
  std::int64_t vocabulary() const noexcept { return static_cast<std::int64_t>(pieces_.size()); }
  /// The token of characters that the training text lacks; only TokenKind::character has one.
  std::optional<std::int64_t> unknown() const noexcept;

  std::vector<std::int64_t> encode(std::string_view text) const;
  /// Throws InputError for a number that is no token.
  std::string decode(std::span<const std::int64_t> tokens) const;
  /// Each token as a person reads it: "a", "\n", "<0xe2>" for bytes that are no character.
  std::vector<std::string> names() const;

  /// Everything as one JSON object; from_json gives an equal tokenizer.
  std::string to_json() const;
  /// Throws InputError naming `source` if the text is not what to_json gives.
  static Tokenizer from_json(std::string_view text, const std::string& source);

  bool operator==(const Tokenizer&) const = default;

 private:
  static Tokenizer of_bytes(TokenKind kind, std::vector<Merge> merges);
  static Tokenizer of_characters(std::vector<std::string> characters);

  TokenKind kind_ = TokenKind::byte;
  std::vector<std::string> pieces_;  ///< the bytes of each token
  std::vector<Merge> merges_;        ///< of byte pairs
};

/// How many characters a text in UTF-8 has.
std::int64_t count_characters(std::string_view text);

}  // namespace neurons
