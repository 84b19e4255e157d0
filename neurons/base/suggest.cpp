#include "neurons/base/suggest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace neurons {
namespace {

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// Levenshtein distance, one row at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitution});
    }
  }
  return row[b.size()];
}

/// "lr" of "learning_rate".
std::string initials(std::string_view name) {
  std::string result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (i == 0 || name[i - 1] == '_' || name[i - 1] == '-') result += name[i];
  }
  return result;
}

/// How far two names are apart: twice their edit distance, and one more if they do not begin alike. A beginning of three letters or
/// more, or the initials of several words, stand for the whole.
std::size_t distance_between(std::string_view wanted, std::string_view candidate) {
  const std::size_t edits = edit_distance(wanted, candidate);
  const bool begins = wanted.size() >= 3 && candidate.starts_with(wanted);
  if (begins || (wanted.size() >= 2 && initials(candidate) == wanted)) return std::min<std::size_t>(2, 2 * edits);
  if (edits >= std::max(wanted.size(), candidate.size())) return std::string_view::npos;  // no letter in common
  return 2 * edits + (wanted.front() == candidate.front() ? 0 : 1);
}

}  // namespace

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  std::size_t best = 2 * std::max<std::size_t>(2, name.size() / 3) + 2;
  std::string result;
  const std::string wanted = lower_case(name);
  for (const auto& candidate : known) {
    if (wanted.empty() || candidate.empty()) continue;
    const std::size_t distance = distance_between(wanted, lower_case(candidate));
    if (distance < best) {
      best = distance;
      result = candidate;
    }
  }
  return result;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> known) {
  const std::string nearest = nearest_name(name, known);
  return nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest);
}

std::string nearest_or_all(std::string_view name, std::span<const std::string> known) {
  constexpr std::size_t kFew = 24;
  const std::string hint = did_you_mean(name, known);
  if (!hint.empty() || known.empty() || known.size() > kFew) return hint;
  return fmt::format("; known are {}", fmt::join(known, ", "));
}

}  // namespace neurons
