#include "neurons/data/sequences/byte_pairs.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>

namespace neurons {
namespace {

constexpr std::int64_t kByteTokens = 256;

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

bool is_word_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

std::vector<std::int64_t> bytes_of(std::string_view word) {
  std::vector<std::int64_t> tokens;
  for (const char c : word) tokens.push_back(static_cast<unsigned char>(c));
  return tokens;
}

/// Replaces every `pair` by `token`; false if there is none.
bool apply_merge(std::vector<std::int64_t>& tokens, const Merge& pair, std::int64_t token) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i, ++kept) {
    const bool here = i + 1 < tokens.size() && tokens[i] == pair.first && tokens[i + 1] == pair.second;
    tokens[kept] = here ? token : tokens[i];
    if (here) ++i;
  }
  const bool changed = kept < tokens.size();
  tokens.resize(kept);
  return changed;
}

/// A different word of the text and how often it stands there.
struct CountedWord {
  std::vector<std::int64_t> tokens;
  std::int64_t count = 0;
};

/// How often each pair of neighbours stands in the text.
class PairCounts {
 public:
  void add(const CountedWord& word, std::int64_t sign) {
    for (std::size_t i = 0; i + 1 < word.tokens.size(); ++i) {
      const Merge pair{word.tokens[i], word.tokens[i + 1]};
      if ((counts_[pair] += sign * word.count) == 0) counts_.erase(pair);
    }
  }
  /// The most frequent one that stands at least twice.
  std::optional<Merge> best() const {
    const auto found = std::ranges::max_element(counts_, {}, [](const auto& entry) { return entry.second; });
    if (found == counts_.end() || found->second < 2) return std::nullopt;
    return found->first;
  }

 private:
  std::map<Merge, std::int64_t> counts_;
};

}  // namespace

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin;
    if (text[end] == ' ' && end + 1 < text.size() && !is_blank(text[end + 1])) ++end;
    if (is_blank(text[end])) {
      ++end;
    } else {
      const bool of_letters = is_word_character(text[end]);
      while (end < text.size() && !is_blank(text[end]) && is_word_character(text[end]) == of_letters) ++end;
    }
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

std::vector<Merge> learn_merges(std::string_view text, std::int64_t most) {
  std::unordered_map<std::string_view, std::int64_t> frequencies;
  for (const std::string_view word : words_of(text)) ++frequencies[word];
  std::vector<CountedWord> words;
  PairCounts counts;
  for (const auto& [word, count] : frequencies) {
    words.push_back({bytes_of(word), count});
    counts.add(words.back(), 1);
  }
  std::vector<Merge> merges;
  while (static_cast<std::int64_t>(merges.size()) < most) {
    const auto pair = counts.best();
    if (!pair) break;
    const std::int64_t token = kByteTokens + static_cast<std::int64_t>(merges.size());
    for (CountedWord& word : words) {
      CountedWord merged = word;
      if (!apply_merge(merged.tokens, *pair, token)) continue;
      counts.add(word, -1);
      counts.add(merged, 1);
      word = std::move(merged);
    }
    merges.push_back(*pair);
  }
  return merges;
}

MergeRanks ranks_of(std::span<const Merge> merges) {
  MergeRanks ranks;
  for (const Merge& merge : merges) ranks.emplace(merge, static_cast<std::int64_t>(ranks.size()));
  return ranks;
}

std::vector<std::int64_t> merge_word(std::string_view word, const MergeRanks& ranks) {
  std::vector<std::int64_t> tokens = bytes_of(word);
  for (;;) {
    auto first = ranks.end();
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto found = ranks.find({tokens[i], tokens[i + 1]});
      if (found != ranks.end() && (first == ranks.end() || found->second < first->second)) first = found;
    }
    if (first == ranks.end()) return tokens;
    apply_merge(tokens, first->first, kByteTokens + first->second);
  }
}

}  // namespace neurons
