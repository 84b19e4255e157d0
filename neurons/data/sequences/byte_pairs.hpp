#pragma once
/// Byte-pair encoding (Gage 1994; Sennrich, Haddow, Birch 2016) on bytes: the pair of neighbours that stands most often in the text
/// becomes a token, again and again. Merges never join two words.

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace neurons {

/// Token 256 + i stands for the two tokens of merge i, bytes for themselves.
using Merge = std::pair<std::int64_t, std::int64_t>;

/// A text cut into words: letters, digits and what is not ASCII, or punctuation, each with one blank before it; other blanks alone.
std::vector<std::string_view> words_of(std::string_view text);

/// At most so many merges, the most frequent pair first (of equals the smaller numbers); fewer if no pair stands twice.
std::vector<Merge> learn_merges(std::string_view text, std::int64_t most);

/// Which merge makes one of a pair.
using MergeRanks = std::map<Merge, std::int64_t>;
MergeRanks ranks_of(std::span<const Merge> merges);

/// The tokens of one word: the earliest merge first, until none applies.
std::vector<std::int64_t> merge_word(std::string_view word, const MergeRanks& ranks);

}  // namespace neurons
