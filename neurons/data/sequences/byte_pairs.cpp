#include "neurons/data/sequences/byte_pairs.hpp"

#include <functional>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

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

/// A pair and how often it stood in the text when this was noted.
struct Candidate {
  std::int64_t count = 0;
  Merge pair;
  /// The most frequent is the greatest, of equals the one of smaller numbers.
  bool operator<(const Candidate& other) const { return count != other.count ? count < other.count : pair > other.pair; }
};

/// All different words with the pairs of neighbours in them: how often each stands in the text, and in which words.
class PairIndex {
 public:
  explicit PairIndex(std::vector<CountedWord> words) : words_(std::move(words)) {
    for (std::size_t word = 0; word < words_.size(); ++word) {
      count(words_[word], 1);
      note_places(word, [](const Merge&) { return true; });
    }
    for (const auto& [pair, entry] : pairs_) candidates_.push({entry.count, pair});
  }

  /// The most frequent pair that stands at least twice.
  std::optional<Merge> best() {
    while (!candidates_.empty()) {
      const Candidate top = candidates_.top();
      const std::int64_t now = pairs_[top.pair].count;
      if (top.count < 2) return std::nullopt;
      if (top.count == now) return top.pair;
      candidates_.pop();  // it has become rarer since
      if (now > 0) candidates_.push({now, top.pair});
    }
    return std::nullopt;
  }

  /// Makes every `pair` one token, which is new.
  void merge(const Merge& pair, std::int64_t token) {
    const auto is_new = [token](const Merge& one) { return one.first == token || one.second == token; };
    std::set<Merge> made;  // all others have become rarer, if anything
    for (const std::size_t word : std::exchange(pairs_[pair].words, {})) {
      CountedWord merged = words_[word];
      if (!apply_merge(merged.tokens, pair, token)) continue;  // it is listed for each place
      count(words_[word], -1);
      count(merged, 1);
      words_[word] = std::move(merged);
      for (const Merge& one : note_places(word, is_new)) made.insert(one);
    }
    for (const Merge& one : made) candidates_.push({pairs_[one].count, one});
  }

 private:
  struct Entry {
    std::int64_t count = 0;
    std::vector<std::size_t> words;  ///< all that hold the pair; some no longer do
  };
  struct Hash {
    std::size_t operator()(const Merge& pair) const {
      return std::hash<std::uint64_t>()((static_cast<std::uint64_t>(pair.first) << 32 | static_cast<std::uint64_t>(pair.second)) *
                                        0x9e3779b97f4a7c15U);
    }
  };

  void count(const CountedWord& word, std::int64_t sign) {
    for (std::size_t i = 0; i + 1 < word.tokens.size(); ++i)
      pairs_[{word.tokens[i], word.tokens[i + 1]}].count += sign * word.count;
  }
  /// Lists the word for each of its pairs that is to be noted; returns these.
  template <typename Wanted>
  std::vector<Merge> note_places(std::size_t word, const Wanted& is_wanted) {
    std::vector<Merge> noted;
    const std::vector<std::int64_t>& tokens = words_[word].tokens;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const Merge pair{tokens[i], tokens[i + 1]};
      if (!is_wanted(pair)) continue;
      pairs_[pair].words.push_back(word);
      noted.push_back(pair);
    }
    return noted;
  }

  std::vector<CountedWord> words_;
  std::unordered_map<Merge, Entry, Hash> pairs_;
  std::priority_queue<Candidate> candidates_;  ///< of each pair one at least whose count is not too low
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
  for (const auto& [word, count] : frequencies) words.push_back({bytes_of(word), count});
  PairIndex index(std::move(words));
  std::vector<Merge> merges;
  while (static_cast<std::int64_t>(merges.size()) < most) {
    const auto pair = index.best();
    if (!pair) break;
    index.merge(*pair, kByteTokens + static_cast<std::int64_t>(merges.size()));
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
