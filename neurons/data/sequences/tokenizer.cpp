#include "neurons/data/sequences/tokenizer.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "neurons/base/error.hpp"
#include "neurons/data/utf8.hpp"

namespace neurons {
namespace {

using TokenJson = nlohmann::ordered_json;

constexpr std::array<std::string_view, 3> kTokenKinds = {"byte", "character", "byte_pair"};
constexpr std::string_view kUnknownCharacter = "\xEF\xBF\xBD";  // U+FFFD, which stands for what cannot be shown
constexpr std::int64_t kBytes = 256;

/// Calls `use` with each character; a byte that begins none counts as one.
template <typename Use>
void for_each_character(std::string_view text, Use&& use) {
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, character_length(text));
    use(text.substr(0, length));
    text.remove_prefix(length);
  }
}

bool is_text(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t length = character_length(piece);
    if (length == 0) return false;
    piece.remove_prefix(length);
  }
  return true;
}

}  // namespace

Tokenizer Tokenizer::of_bytes(TokenKind kind, std::vector<Merge> merges) {
  Tokenizer tokenizer;
  tokenizer.kind_ = kind;
  for (std::int64_t byte = 0; byte < kBytes; ++byte) tokenizer.pieces_.emplace_back(1, static_cast<char>(byte));
  for (const auto& [left, right] : merges) {
    const std::int64_t known = tokenizer.vocabulary();
    if (left < 0 || right < 0 || left >= known || right >= known) {
      fail_input("merge {} joins tokens {} and {}, but only {} are known by then", known - kBytes, left, right, known);
    }
    tokenizer.pieces_.push_back(tokenizer.pieces_[static_cast<std::size_t>(left)] +
                                tokenizer.pieces_[static_cast<std::size_t>(right)]);
  }
  tokenizer.merges_ = std::move(merges);
  return tokenizer;
}

Tokenizer Tokenizer::of_characters(std::vector<std::string> characters) {
  Tokenizer tokenizer;
  tokenizer.kind_ = TokenKind::character;
  tokenizer.pieces_ = std::move(characters);
  tokenizer.pieces_.emplace_back(kUnknownCharacter);
  return tokenizer;
}

Tokenizer Tokenizer::train(std::string_view text, TokenKind kind, std::int64_t vocabulary) {
  if (text.empty()) fail_input("tokenizer: there is no text to learn from");
  if (kind == TokenKind::byte) return of_bytes(kind, {});
  if (kind == TokenKind::byte_pair) {
    if (vocabulary <= kBytes) fail_input("tokenizer: vocabulary = {}: byte pairs need more than the {} bytes", vocabulary, kBytes);
    return of_bytes(kind, learn_merges(text, vocabulary - kBytes));
  }
  std::set<std::string> characters;
  for_each_character(text, [&](std::string_view character) { characters.emplace(character); });
  characters.erase(std::string(kUnknownCharacter));
  return of_characters({characters.begin(), characters.end()});
}

std::optional<std::int64_t> Tokenizer::unknown() const noexcept {
  return kind_ == TokenKind::character ? std::optional(vocabulary() - 1) : std::nullopt;
}

std::vector<std::int64_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::int64_t> tokens;
  if (kind_ == TokenKind::byte) {
    for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
  } else if (kind_ == TokenKind::character) {
    std::unordered_map<std::string_view, std::int64_t> known;
    for (const std::string& piece : pieces_) known.emplace(piece, static_cast<std::int64_t>(known.size()));
    for_each_character(text, [&](std::string_view character) {
      const auto found = known.find(character);
      tokens.push_back(found == known.end() ? *unknown() : found->second);
    });
  } else {
    const MergeRanks ranks = ranks_of(merges_);
    std::unordered_map<std::string_view, std::vector<std::int64_t>> seen;
    for (const std::string_view word : words_of(text)) {
      const auto [entry, is_new] = seen.try_emplace(word);
      if (is_new) entry->second = merge_word(word, ranks);
      tokens.insert(tokens.end(), entry->second.begin(), entry->second.end());
    }
  }
  return tokens;
}

std::string Tokenizer::decode(std::span<const std::int64_t> tokens) const {
  std::string text;
  for (const std::int64_t token : tokens) {
    if (token < 0 || token >= vocabulary()) {
      fail_input("tokenizer: {} is no token, expected 0 to {}", token, vocabulary() - 1);
    }
    text += pieces_[static_cast<std::size_t>(token)];
  }
  return text;
}

std::vector<std::string> Tokenizer::names() const {
  std::vector<std::string> names;
  for (const std::string& piece : pieces_) {
    std::string& name = names.emplace_back();
    const bool readable = is_text(piece);
    for (const char c : piece) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '\n') {
        name += "\\n";
      } else if (byte < 0x20 || byte == 0x7f || !readable) {
        name += fmt::format("<{:#04x}>", byte);
      } else {
        name += c;
      }
    }
  }
  return names;
}

std::string Tokenizer::to_json() const {
  TokenJson json = {{"kind", kTokenKinds[static_cast<std::size_t>(kind_)]}};
  if (kind_ == TokenKind::character) json["characters"] = std::vector<std::string>(pieces_.begin(), pieces_.end() - 1);
  if (kind_ == TokenKind::byte_pair) json["merges"] = merges_;
  return json.dump();
}

Tokenizer Tokenizer::from_json(std::string_view text, const std::string& source) {
  try {
    const TokenJson json = TokenJson::parse(text);
    const auto known = std::ranges::find(kTokenKinds, json.at("kind").get<std::string>());
    if (known == kTokenKinds.end()) fail_input("\"kind\" is unknown");
    const auto kind = static_cast<TokenKind>(known - kTokenKinds.begin());
    if (kind == TokenKind::character) return of_characters(json.at("characters").get<std::vector<std::string>>());
    if (kind == TokenKind::byte_pair) return of_bytes(kind, json.at("merges").get<std::vector<Merge>>());
    return of_bytes(TokenKind::byte, {});
  } catch (const TokenJson::exception&) {
    fail_input("{}: its tokenizer is damaged", source);
  } catch (const InputError& error) {
    fail_input("{}: its tokenizer is damaged: {}", source, error.what());
  }
}

std::int64_t count_characters(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; });
}

}  // namespace neurons
