#include "neurons/data/readers/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <system_error>

namespace neurons {
namespace {

std::string_view without_blanks(std::string_view text) noexcept {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Of a text without blanks, with a decimal point.
std::optional<double> parse_plain(std::string_view text) noexcept {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  if (first >= text.size() || !(is_digit(text[first]) || text[first] == '.')) return std::nullopt;  // from_chars takes inf and nan
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (stopped != end) return std::nullopt;
  if (error == std::errc::result_out_of_range) {  // too large, or so small that it is 0: the wider type tells
    long double wide = 0;
    if (std::from_chars(text.data(), end, wide).ec != std::errc{} || std::fabs(wide) > 1) return std::nullopt;
    return static_cast<double>(wide);
  }
  if (error != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

std::int64_t Table::rows() const noexcept {
  if (columns.empty()) return 0;
  const Column& first = columns.front();
  return static_cast<std::int64_t>(first.is_numeric ? first.numbers.size() : first.texts.size());
}

std::optional<std::size_t> Table::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(columns, name, &Column::name);
  if (found == columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns.begin());
}

std::optional<std::size_t> Table::find_name_or_number(std::string_view text) const noexcept {
  if (const auto found = find(text)) return found;
  const auto number = parse_number(text);
  const auto count = static_cast<double>(columns.size());
  if (!number || *number != std::floor(*number) || *number < -count || *number >= count) return std::nullopt;
  return static_cast<std::size_t>(*number < 0 ? *number + count : *number);
}

std::string Table::place(std::int64_t row) const {
  const auto index = static_cast<std::size_t>(row);
  if (index < lines.size()) return fmt::format("{}:{}", source, lines[index]);
  return fmt::format("{}, row {}", source, row + 1);
}

std::optional<double> parse_number(std::string_view text, char decimal) {
  text = without_blanks(text);
  if (decimal == '.') return parse_plain(text);
  if (text.find('.') != std::string_view::npos) return std::nullopt;
  std::string pointed(text);
  std::ranges::replace(pointed, decimal, '.');
  return parse_plain(pointed);
}

bool is_missing(std::string_view text) noexcept {
  text = without_blanks(text);
  if (text.size() > 4) return false;
  for (const std::string_view word : {"", "na", "n/a", "nan", "null", "none", "?"}) {
    if (std::ranges::equal(text, word, {}, lower)) return true;
  }
  return false;
}

}  // namespace neurons
