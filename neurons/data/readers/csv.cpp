#include "neurons/data/readers/csv.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <unordered_map>
#include <utility>

#include "neurons/base/atomic_file.hpp"
#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"
#include "neurons/data/utf8.hpp"

namespace neurons {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// The cells of one line; they live as long as the text and the splitter.
struct Line {
  std::int64_t number = 0;  ///< in the file, from 1
  std::vector<std::string_view> cells;
};

/// Cuts a text into lines of cells.
class Splitter {
 public:
  Splitter(std::string_view text, const std::string& name, char delimiter) : text_(text), name_(name), delimiter_(delimiter) {}

  /// The next line that is not empty, if any.
  bool next(Line& line) {
    line.cells.clear();
    while (skip_empty_line()) {
    }
    if (text_.empty()) return false;
    line.number = number_;
    bool more = true;
    while (more) {
      line.cells.push_back(next_cell());
      if (line.cells.size() > kMaxCsvColumns) {
        fail_input("{}:{}: more than {} cells in a line; is the delimiter {} right, and are there line ends?", name_, line.number,
                   kMaxCsvColumns, delimiter_ == '\t' ? "tab" : std::string(1, delimiter_));
      }
      more = text_.starts_with(delimiter_);
      if (more) text_.remove_prefix(1);
    }
    take_line_end();
    return true;
  }

 private:
  bool is_blank(char c) const noexcept { return (c == ' ' || c == '\t') && c != delimiter_; }

  bool skip_empty_line() {
    const auto end = std::ranges::find_if(text_, [this](char c) { return !is_blank(c); });
    const auto blanks = static_cast<std::size_t>(end - text_.begin());
    if (text_.empty() || (blanks < text_.size() && text_[blanks] != '\n' && text_[blanks] != '\r')) return false;
    text_.remove_prefix(blanks);
    take_line_end();
    return true;
  }

  /// CRLF, LF or CR.
  void take_line_end() {
    if (text_.starts_with("\r\n")) text_.remove_prefix(1);
    if (!text_.empty()) text_.remove_prefix(1);
    ++number_;
  }

  void skip_blanks() {
    while (!text_.empty() && is_blank(text_.front())) text_.remove_prefix(1);
  }

  std::string_view next_cell() {
    skip_blanks();
    if (text_.starts_with('"')) return quoted_cell();
    const std::array<char, 3> ends = {delimiter_, '\n', '\r'};
    std::string_view cell = text_.substr(0, text_.find_first_of(std::string_view(ends.data(), ends.size())));
    text_.remove_prefix(cell.size());
    while (!cell.empty() && is_blank(cell.back())) cell.remove_suffix(1);
    return cell;
  }

  /// `"a, ""b"" c"`; line ends inside belong to the cell.
  std::string_view quoted_cell() {
    const std::int64_t opened = number_;
    text_.remove_prefix(1);
    const std::string_view whole = text_;
    std::string* unescaped = nullptr;
    std::string_view cell;
    for (;;) {
      const std::size_t quote = text_.find('"');
      if (quote == std::string_view::npos) fail_input("{}:{}: a quote \" opens here and never closes", name_, opened);
      const std::string_view part = text_.substr(0, quote);
      count_lines(part);
      text_.remove_prefix(quote + 1);
      const bool doubled = text_.starts_with('"');
      if (doubled && unescaped == nullptr) unescaped = &unescaped_.emplace_back();
      if (unescaped != nullptr) unescaped->append(part);
      if (!doubled) {
        cell = unescaped != nullptr ? std::string_view(*unescaped) : whole.substr(0, quote);
        break;
      }
      unescaped->push_back('"');
      text_.remove_prefix(1);
    }
    skip_blanks();
    if (!text_.empty() && text_.front() != delimiter_ && text_.front() != '\n' && text_.front() != '\r') {
      fail_input("{}:{}: text follows a closing quote; a quote inside a quoted cell is written twice: \"\"", name_, number_);
    }
    return cell;
  }

  void count_lines(std::string_view part) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (part[i] == '\n' || (part[i] == '\r' && !part.substr(i + 1).starts_with('\n'))) ++number_;
    }
  }

  std::string_view text_;
  const std::string& name_;
  char delimiter_;
  std::int64_t number_ = 1;
  std::deque<std::string> unescaped_;
};

/// Whether these bytes separate numbers, decimal commas or not: "1,5;;2,5".
bool separates_numbers(std::string_view line, char delimiter) {
  if (line.find(delimiter) == std::string_view::npos) return false;
  bool has_number = false;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = line.find(delimiter);
    const std::string_view cell = line.substr(0, end);
    const bool is_number = parse_number(cell) || parse_number(cell, ',');
    if (!is_number && !is_missing(cell)) return false;
    has_number = has_number || is_number;
    if (end != std::string_view::npos) line.remove_prefix(end + 1);
  }
  return has_number;
}

char guess_delimiter(std::string_view text, char decimal) {
  const std::size_t begin = std::min(text.find_first_not_of("\r\n"), text.size());
  const std::string_view line = text.substr(begin, std::min(text.find_first_of("\r\n", begin), text.size()) - begin);
  for (const char delimiter : {';', '\t'}) {
    if (separates_numbers(line, delimiter)) return delimiter;
  }
  std::array<std::pair<char, std::size_t>, 3> counts = {{{',', 0}, {';', 0}, {'\t', 0}}};
  bool quoted = false;
  bool begun = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') {
      if (begun) break;
      for (auto& [delimiter, count] : counts) count = 0;  // an empty line
      continue;
    }
    begun = begun || (c != ' ' && c != '\t');
    for (auto& [delimiter, count] : counts) count += c == delimiter ? 1 : 0;
  }
  if (decimal == ',' && (counts[1].second > 0 || counts[2].second > 0)) counts[0].second = 0;  // commas are in numbers
  return std::ranges::max_element(counts, {}, &std::pair<char, std::size_t>::second)->first;   // the first of equals
}

/// The beginning of a cell, for messages.
std::string shown(std::string_view cell) {
  std::size_t end = 0;
  while (end < cell.size() && end < 40) end += character_length(cell.substr(end));
  return fmt::format("\"{}{}\"", cell.substr(0, end), end < cell.size() ? "…" : "");
}

/// A file as cells, all lines of one length.
struct Grid {
  std::vector<std::string_view> names;  ///< empty without a header
  std::size_t columns = 0;
  std::vector<std::string_view> cells;  ///< row by row
  std::vector<std::int64_t> lines;
};

/// "1,234,567.5": marks between thousands, and perhaps another one before the fraction.
bool has_thousands(std::string_view cell, char between, char decimal) {
  std::string_view whole = cell.substr(0, cell.find(decimal));
  if (whole.starts_with('-') || whole.starts_with('+')) whole.remove_prefix(1);
  const std::size_t first = whole.find(between);
  if (first == std::string_view::npos || first == 0 || first > 3) return false;
  for (std::size_t at = first; at < whole.size(); at += 4) {
    if (whole[at] != between || at + 4 > whole.size() || whole.substr(at + 1, 3).find(between) != std::string_view::npos)
      return false;
  }
  std::string bare(cell);
  std::erase(bare, between);
  return parse_number(bare, decimal).has_value();
}

/// A number as others write it: "1,5", "1,234.5", "1.234,5".
bool is_number_otherwise(std::string_view cell, char decimal) {
  return parse_number(cell, decimal == '.' ? ',' : '.') || has_thousands(cell, ',', '.') || has_thousands(cell, '.', ',');
}

Grid read_grid(Splitter& splitter, const std::string& name, CsvOptions::Header header) {
  Grid grid;
  Line line;
  std::int64_t first = 0;
  while (splitter.next(line)) {
    if (first == 0) {
      first = line.number;
      grid.columns = line.cells.size();
      const bool has_number =
          std::ranges::any_of(line.cells, [](std::string_view cell) { return parse_number(cell) || parse_number(cell, ','); });
      if (header == CsvOptions::Header::present || (header == CsvOptions::Header::automatic && !has_number)) {
        grid.names = line.cells;
        continue;
      }
    }
    if (line.cells.size() != grid.columns) {
      fail_input("{}:{}: {} cells, expected {} as in line {}", name, line.number, line.cells.size(), grid.columns, first);
    }
    grid.cells.insert(grid.cells.end(), line.cells.begin(), line.cells.end());
    grid.lines.push_back(line.number);
  }
  if (first == 0) fail_input("{}: is empty, expected rows of comma-separated values", name);
  if (grid.lines.empty()) fail_input("{}: holds a header and no row", name);
  return grid;
}

std::vector<std::string> column_names(const Grid& grid, const std::string& name) {
  std::vector<std::string> names;
  std::unordered_map<std::string_view, std::size_t> seen;
  names.reserve(grid.columns);  // `seen` looks into it
  for (std::size_t column = 0; column < grid.columns; ++column) {
    const bool unnamed = grid.names.empty() || grid.names[column].empty();
    names.push_back(unnamed ? fmt::format("column{}", column) : std::string(grid.names[column]));
    const auto [other, is_new] = seen.emplace(names.back(), column);
    if (!is_new) fail_input("{}: columns {} and {} (from 0) are both named {}", name, other->second, column, shown(names.back()));
  }
  return names;
}

/// "inf", "-Infinity": how programs write a number that is too large.
bool is_infinity(std::string_view cell) {
  if (cell.starts_with('-') || cell.starts_with('+')) cell.remove_prefix(1);
  std::string lower(cell);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower == "inf" || lower == "infinity";
}

/// One column of the grid: numbers if all its cells are, texts if few are or `categorical` says so.
Column make_column(const Grid& grid, std::size_t index, std::string column_name, bool categorical, char decimal,
                   const Table& table) {
  Column column{.name = std::move(column_name), .is_numeric = !categorical};
  const std::size_t rows = grid.lines.size();
  const auto cell = [&](std::size_t row) { return grid.cells[row * grid.columns + index]; };
  if (!categorical) {
    std::size_t numbers = 0;
    std::size_t texts = 0;
    std::size_t first_text = 0;
    std::size_t otherwise = 0;
    std::size_t first_otherwise = 0;
    column.numbers.reserve(rows);
    for (std::size_t row = 0; row < rows; ++row) {
      const auto number = parse_number(cell(row), decimal);
      column.numbers.push_back(number.value_or(std::numeric_limits<double>::quiet_NaN()));
      if (number) {
        ++numbers;
      } else if (!is_missing(cell(row))) {
        if (texts++ == 0) first_text = row;
        if (is_number_otherwise(cell(row), decimal) && otherwise++ == 0) first_otherwise = row;
      }
    }
    if (texts == 0) return column;
    if (otherwise > 0 && numbers + otherwise > texts - otherwise) {
      fail_input(
          "{}: column {} holds {}, expected numbers such as 1234{}5: say decimal = \"{}\" in [data] (or --decimal {}) if that "
          "stands before the fraction, leave out marks between thousands, or name the column as categorical",
          table.place(static_cast<std::int64_t>(first_otherwise)), column.name, shown(cell(first_otherwise)), decimal,
          decimal == '.' ? ',' : '.', decimal == '.' ? ',' : '.');
    }
    if (numbers > texts && is_infinity(cell(first_text))) {
      fail_input("{}: column {} holds {}, which is no finite number; mend the cell, or leave the row out",
                 table.place(static_cast<std::int64_t>(first_text)), column.name, shown(cell(first_text)));
    }
    if (numbers > texts) {
      fail_input("{}: column {} holds {}, but {} of its {} values are numbers; mend the cell, or name the column as categorical",
                 table.place(static_cast<std::int64_t>(first_text)), column.name, shown(cell(first_text)), numbers,
                 numbers + texts);
    }
    column.is_numeric = false;
    column.numbers = {};
  }
  column.texts.reserve(rows);
  for (std::size_t row = 0; row < rows; ++row) column.texts.emplace_back(is_missing(cell(row)) ? std::string_view() : cell(row));
  return column;
}

}  // namespace

Table parse_csv(std::string_view text, const std::string& name, const CsvOptions& options) {
  if (options.delimiter == '"' || options.delimiter == '\n' || options.delimiter == '\r') {
    fail_input("{}: a quote or a line end cannot be the delimiter", name);
  }
  if (options.decimal != '.' && options.decimal != ',') {
    fail_input("{}: decimal is \"{}\", expected \".\" or \",\"", name, options.decimal);
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  require_utf8(text, name);
  Splitter splitter(text, name, options.delimiter != 0 ? options.delimiter : guess_delimiter(text, options.decimal));
  const Grid grid = read_grid(splitter, name, options.header);
  std::vector<std::string> names = column_names(grid, name);
  for (const std::string& categorical : options.categorical) {
    if (std::ranges::find(names, categorical) == names.end()) {
      fail_input("{}: there is no column \"{}\" to take as categorical{}", name, categorical, did_you_mean(categorical, names));
    }
  }
  Table table{.source = name, .lines = grid.lines};
  const auto holds = [](const std::vector<std::string>& list, const std::string& one) {
    return std::ranges::find(list, one) != list.end();
  };
  for (std::size_t column = 0; column < grid.columns; ++column) {
    const bool categorical = holds(options.categorical, names[column]) || holds(options.categorical_if_there, names[column]);
    table.columns.push_back(make_column(grid, column, std::move(names[column]), categorical, options.decimal, table));
  }
  return table;
}

Table read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  return parse_csv(read_file(path), path.string(), options);
}

}  // namespace neurons
