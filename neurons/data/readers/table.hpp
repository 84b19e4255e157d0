#pragma once
/// A table of named columns as read from a file: numbers or texts, with missing cells.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace neurons {

/// A column holds numbers (NaN: missing) or texts (empty: missing), never both.
struct Column {
  std::string name = {};
  bool is_numeric = true;
  std::vector<double> numbers = {};     ///< if numeric
  std::vector<std::string> texts = {};  ///< if not
};

struct Table {
  std::string source = {};  ///< the file's name, for messages
  std::vector<Column> columns = {};
  std::vector<std::int64_t> lines = {};  ///< of the file, from 1: where each row begins; may be empty

  std::int64_t rows() const noexcept;
  std::int64_t column_count() const noexcept { return static_cast<std::int64_t>(columns.size()); }
  /// Index of the column of this name, if any (the first one).
  std::optional<std::size_t> find(std::string_view name) const noexcept;
  /// The same by name or else by number: from 0, negative from the end.
  std::optional<std::size_t> find_name_or_number(std::string_view text) const noexcept;
  /// `iris.csv:17` or, where lines are unknown, `iris.csv, row 16`.
  std::string place(std::int64_t row) const;
};

/// The number in a whole cell: decimal or scientific notation, a leading + allowed, blanks around it ignored. Nothing for any other
/// text, nor for nan or inf. What stands before the fraction is `decimal`: '.' or ','.
std::optional<double> parse_number(std::string_view text, char decimal = '.');

/// Empty, NA, N/A, NaN, null, none (any case) or ?, blanks around it ignored.
bool is_missing(std::string_view text) noexcept;

}  // namespace neurons
