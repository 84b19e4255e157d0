#pragma once
/// Comma-separated values (RFC 4180), as people really write them: quoted fields, CRLF, a byte-order mark, `;` or tabs, missing
/// cells.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "neurons/data/readers/table.hpp"

namespace neurons {

struct CsvOptions {
  /// automatic: the first line is a header unless one of its cells is a number. Without one, columns are column0, column1, …
  enum class Header { automatic, present, absent } header = Header::automatic;
  char delimiter = 0;                         ///< 0: whichever of , ; tab stands most often outside quotes in the first line
  char decimal = '.';                         ///< before the fraction of a number: '.' or ','
  std::vector<std::string> categorical = {};  ///< columns to keep as texts although they look like numbers
  std::vector<std::string> categorical_if_there = {};  ///< the same, but the file may lack them
};

/// Lines of more cells are refused: a wrong delimiter or lost line ends, as a rule.
inline constexpr std::size_t kMaxCsvColumns = 100'000;

/// A column is numeric if every cell that is not missing is a number, text if at most half of them are. In between lies a mistake
/// in the data: that is an InputError with line and column. So are columns of numbers as others write them ("1,5" where
/// options.decimal is a point, "1,234.5") that are not named as categorical, ragged rows, a quote that never closes, two columns of
/// one name, a file without any row, NUL bytes, text that is not UTF-8, and unreadable files. Empty lines are skipped, and blanks
/// around cells are dropped.
Table read_csv(const std::filesystem::path& path, const CsvOptions& options = {});

/// The same from memory; `name` stands for the file in messages.
Table parse_csv(std::string_view text, const std::string& name, const CsvOptions& options = {});

}  // namespace neurons
