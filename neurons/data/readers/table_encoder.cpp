#include "neurons/data/readers/table_encoder.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "neurons/base/suggest.hpp"

namespace neurons {
namespace {

constexpr std::size_t kMaxAutomaticClasses = 20;
constexpr std::size_t kMaxFeatures = 100'000;

std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(column.name);
  return names;
}

/// "5" for 5.0: how a number is written as a class or a level.
std::string text_of(double number) { return fmt::format("{}", number + 0.0); }  // −0 + 0 is 0

/// A cell as text, whatever its column is; empty: missing.
std::string cell_text(const Column& column, std::int64_t row) {
  const auto index = static_cast<std::size_t>(row);
  if (!column.is_numeric) return column.texts[index];
  return std::isnan(column.numbers[index]) ? std::string() : text_of(column.numbers[index]);
}

/// A cell as a number, whatever its column is; NaN: missing. Throws InputError for other text.
double cell_number(const Table& table, const Column& column, std::int64_t row) {
  const auto index = static_cast<std::size_t>(row);
  if (column.is_numeric) return column.numbers[index];
  if (is_missing(column.texts[index])) return std::numeric_limits<double>::quiet_NaN();
  const auto number = parse_number(column.texts[index]);
  if (!number) fail_input("{}: column {} holds \"{}\", expected a number", table.place(row), column.name, column.texts[index]);
  return *number;
}

std::size_t target_column(const Table& table, const std::string& target) {
  if (target.empty()) return table.columns.size() - 1;
  if (const auto found = table.find_name_or_number(target)) return *found;
  fail_input("{}: there is no target column \"{}\" among its {} columns{}", table.source, target, table.column_count(),
             did_you_mean(target, names_of(table)));
}

/// What the numbers of a column have in common.
struct Statistics {
  std::size_t count = 0;
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double mean = 0;
  double deviation = 0;  ///< of the population: divided by count
};

Statistics statistics_of(std::span<const double> numbers) {
  Statistics result{.count = numbers.size()};
  double sum = 0;
  for (const double number : numbers) {
    result.low = std::min(result.low, number);
    result.high = std::max(result.high, number);
    sum += number;
  }
  const auto count = static_cast<double>(numbers.size());
  result.mean = sum / count;
  double squares = 0;
  for (const double number : numbers) squares += (number - result.mean) * (number - result.mean);
  result.deviation = std::sqrt(squares / count);
  return result;
}

using Positions = std::unordered_map<std::string_view, std::int64_t>;

/// Where each name stands; `names` must outlive it.
Positions positions_of(const std::vector<std::string>& names) {
  Positions positions;
  for (const std::string& name : names) positions.emplace(name, static_cast<std::int64_t>(positions.size()));
  return positions;
}

float to_float(double value, const Table& table, std::int64_t row, const std::string& column) {
  const auto result = static_cast<float>(value);
  if (!std::isfinite(result)) {
    fail_input("{}: column {}: {} is too large for single precision once scaled", table.place(row), column, value);
  }
  return result;
}

/// The rows to learn from.
std::vector<std::int64_t> chosen_rows(const Table& table, std::span<const std::int64_t> training_rows) {
  std::vector<std::int64_t> rows(training_rows.begin(), training_rows.end());
  if (rows.empty()) {
    rows.resize(static_cast<std::size_t>(table.rows()));
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
  }
  if (rows.empty()) fail_input("{}: holds no rows to learn from", table.source);
  for (const std::int64_t row : rows) {
    if (row < 0 || row >= table.rows()) {
      fail_input("{}: training row {} is out of range; there are {} rows, counted from 0", table.source, row, table.rows());
    }
  }
  return rows;
}

[[noreturn]] void fail_missing(const Table& table, std::int64_t row, const Column& column, std::string_view role) {
  fail_input("{}: column {}: {} is missing; fill it in or leave out the row", table.place(row), column.name, role);
}

[[noreturn]] void fail_without_values(const Table& table, const Column& column) {
  fail_input("{}: column {} has no value in the training rows; name it under ignore", table.source, column.name);
}

/// The numbers of a column in these rows, without the missing ones unless they are errors.
std::vector<double> numbers_in(const Table& table, const Column& column, std::span<const std::int64_t> rows, bool missing_is_error,
                               std::string_view role) {
  std::vector<double> numbers;
  for (const std::int64_t row : rows) {
    const double number = cell_number(table, column, row);
    if (!std::isnan(number)) {
      numbers.push_back(number);
    } else if (missing_is_error) {
      fail_missing(table, row, column, role);
    }
  }
  return numbers;
}

/// Throws InputError where dividing by `spread` would not give ordinary numbers.
void require_scale(const Table& table, const Column& column, double centre, double spread) {
  if (std::isfinite(centre) && std::isfinite(spread) && std::isfinite(1 / spread)) return;
  fail_input("{}: column {} cannot be scaled: its values are too large or too close together for double precision", table.source,
             column.name);
}

bool is_automatic_classification(const std::vector<double>& numbers) {
  const std::set<double> different(numbers.begin(), numbers.end());
  return different.size() <= kMaxAutomaticClasses &&
         std::ranges::all_of(different, [](double number) { return number == std::floor(number); });
}

/// Names of the classes in these rows: texts in alphabetical order, numbers in theirs.
std::vector<std::string> classes_in(const Table& table, const Column& column, std::span<const std::int64_t> rows) {
  std::vector<std::string> names;
  if (column.is_numeric) {
    const auto numbers = numbers_in(table, column, rows, true, "the target");
    for (const double number : std::set<double>(numbers.begin(), numbers.end())) names.push_back(text_of(number));
    return names;
  }
  std::set<std::string> different;
  for (const std::int64_t row : rows) {
    const std::string& text = column.texts[static_cast<std::size_t>(row)];
    if (text.empty()) fail_missing(table, row, column, "the target");
    different.insert(text);
  }
  names.assign(different.begin(), different.end());
  return names;
}

}  // namespace

TableEncoder::Rule TableEncoder::fit_numbers(const Table& table, const Column& column, std::span<const std::int64_t> rows,
                                             const EncoderOptions& options) {
  const auto numbers = numbers_in(table, column, rows, options.missing == MissingValues::error, "a value");
  if (numbers.empty()) fail_without_values(table, column);
  const Statistics statistics = statistics_of(numbers);
  Rule rule{.column = column.name, .mean = statistics.mean};
  require_scale(table, column, statistics.mean, 1);
  if (options.scaling == Scaling::none) return rule;
  const bool standardise = options.scaling == Scaling::standardise;
  rule.shift = standardise ? statistics.mean : statistics.low;
  if (statistics.low == statistics.high) {
    rule.factor = 0;
    return rule;
  }
  const double spread = standardise ? statistics.deviation : statistics.high - statistics.low;
  require_scale(table, column, rule.shift, spread);
  rule.factor = 1 / spread;
  return rule;
}

TableEncoder::Rule TableEncoder::fit_texts(const Table& table, const Column& column, std::span<const std::int64_t> rows,
                                           const EncoderOptions& options) {
  std::map<std::string, std::size_t> counts;
  for (const std::int64_t row : rows) {
    const std::string& text = column.texts[static_cast<std::size_t>(row)];
    if (!text.empty()) {
      ++counts[text];
    } else if (options.missing == MissingValues::error) {
      fail_missing(table, row, column, "a value");
    }
    if (static_cast<std::int64_t>(counts.size()) > kMaxLevels) {
      fail_input("{}: column {} holds more than {} different texts; if it is an identifier, name it under ignore", table.source,
                 column.name, kMaxLevels);
    }
  }
  if (counts.empty()) fail_without_values(table, column);
  Rule rule{.column = column.name, .is_numeric = false};
  std::size_t most = 0;
  for (const auto& [level, count] : counts) {
    if (count > most) {
      most = count;
      rule.usual_level = static_cast<std::int64_t>(rule.levels.size());
    }
    rule.levels.push_back(level);
  }
  return rule;
}

void TableEncoder::fit_target(const Table& table, const Column& column, std::span<const std::int64_t> rows,
                              const EncoderOptions& options) {
  target_ = column.name;
  classification_ = options.task == Task::classification;
  if (options.task == Task::automatic) {
    classification_ = !column.is_numeric || is_automatic_classification(numbers_in(table, column, rows, true, "the target"));
  }
  if (classification_) {
    class_names_ = classes_in(table, column, rows);
    return;
  }
  const auto numbers = numbers_in(table, column, rows, true, "the target");
  if (!options.standardise_target) return;
  const Statistics statistics = statistics_of(numbers);
  target_mean_ = statistics.mean;
  target_deviation_ = statistics.low == statistics.high ? 1 : statistics.deviation;
  require_scale(table, column, target_mean_, target_deviation_);
}

TableEncoder TableEncoder::fit(const Table& table, std::span<const std::int64_t> training_rows, const EncoderOptions& options) {
  if (table.columns.empty()) fail_input("{}: holds no columns", table.source);
  const auto rows = chosen_rows(table, training_rows);
  const std::size_t target = target_column(table, options.target);
  std::set<std::size_t> left_out = {target};
  TableEncoder encoder;
  for (const std::string& name : options.ignore) {
    const auto column = table.find(name);
    if (!column) fail_input("{}: there is no column \"{}\" to ignore{}", table.source, name, did_you_mean(name, names_of(table)));
    if (*column == target) fail_input("{}: column \"{}\" is the target and cannot be ignored", table.source, name);
    left_out.insert(*column);
  }
  if (!options.weights.empty()) {
    const auto column = table.find_name_or_number(options.weights);
    if (!column) {
      fail_input("{}: there is no column \"{}\" of sample weights{}", table.source, options.weights,
                 did_you_mean(options.weights, names_of(table)));
    }
    encoder.weights_ = table.columns[*column].name;
    if (!left_out.insert(*column).second) {
      fail_input("{}: column \"{}\" cannot hold the sample weights: it is {}", table.source, encoder.weights_,
                 *column == target ? "the target" : "ignored");
    }
  }
  encoder.missing_ = options.missing;
  encoder.fit_target(table, table.columns[target], rows, options);
  for (std::size_t index = 0; index < table.columns.size(); ++index) {
    const Column& column = table.columns[index];
    if (left_out.contains(index)) continue;
    encoder.rules_.push_back(column.is_numeric ? fit_numbers(table, column, rows, options)
                                               : fit_texts(table, column, rows, options));
  }
  if (encoder.rules_.empty()) fail_input("{}: no column is left as an input beside the target {}", table.source, encoder.target_);
  encoder.name_features();
  if (encoder.feature_names_.size() > kMaxFeatures) {
    fail_input("{}: its columns would give {} features, at most {} are supported; name columns of many texts under ignore",
               table.source, encoder.feature_names_.size(), kMaxFeatures);
  }
  return encoder;
}

void TableEncoder::name_features() {
  feature_names_.clear();
  for (Rule& rule : rules_) {
    rule.first_feature = features();
    if (rule.is_numeric) feature_names_.push_back(rule.column);
    for (const std::string& level : rule.levels) feature_names_.push_back(fmt::format("{}={}", rule.column, level));
  }
}

void TableEncoder::encode_column(const Rule& rule, const Table& table, const Column& column, std::span<float> features) const {
  const Positions levels = positions_of(rule.levels);
  for (std::int64_t row = 0; row < table.rows(); ++row) {
    float* out = features.data() + row * this->features() + rule.first_feature;
    if (rule.is_numeric) {
      const double number = cell_number(table, column, row);
      if (std::isnan(number) && missing_ == MissingValues::error) fail_missing(table, row, column, "a value");
      out[0] = to_float(((std::isnan(number) ? rule.mean : number) - rule.shift) * rule.factor, table, row, rule.column);
      continue;
    }
    const std::string text = cell_text(column, row);
    if (text.empty() && missing_ == MissingValues::error) fail_missing(table, row, column, "a value");
    const auto level = levels.find(text);
    if (!text.empty() && level == levels.end()) {
      const std::string hint = did_you_mean(text, rule.levels);
      fail_input("{}: column {} holds \"{}\", which no training row does{}", table.place(row), column.name, text,
                 hint.empty() ? "; leave the cell empty, or train with such rows or without that column" : hint);
    }
    out[text.empty() ? rule.usual_level : level->second] = 1;
  }
}

Tensor TableEncoder::encode_inputs(const Table& table) const {
  Tensor inputs(DType::f32, {table.rows(), features()});
  const std::vector<std::string> names = names_of(table);
  const Positions columns = positions_of(names);
  for (const Rule& rule : rules_) {
    const auto column = columns.find(rule.column);
    if (column == columns.end()) {
      fail_input("{}: there is no column \"{}\", which the network needs{}", table.source, rule.column,
                 did_you_mean(rule.column, names));
    }
    encode_column(rule, table, table.columns[static_cast<std::size_t>(column->second)], inputs.values<float>());
  }
  return inputs;
}

Tensor TableEncoder::encode_targets(const Table& table, const Column& column) const {
  const std::int64_t rows = table.rows();
  if (!classification_) {
    Tensor targets(DType::f32, {rows, 1});
    for (std::int64_t row = 0; row < rows; ++row) {
      const double number = cell_number(table, column, row);
      if (std::isnan(number)) fail_missing(table, row, column, "the target");
      targets.values<float>()[static_cast<std::size_t>(row)] =
          to_float((number - target_mean_) / target_deviation_, table, row, column.name);
    }
    return targets;
  }
  const Positions classes = positions_of(class_names_);
  Tensor targets(DType::i64, {rows});
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::string text = cell_text(column, row);
    if (text.empty()) fail_missing(table, row, column, "the target");
    const auto label = classes.find(text);
    if (label == classes.end()) {
      const std::string hint = did_you_mean(text, class_names_);
      fail_input("{}: column {} holds the class \"{}\", which is none of the {} classes of the training rows{}", table.place(row),
                 column.name, text, class_names_.size(), hint.empty() ? "; leave the row out, or train with such rows" : hint);
    }
    targets.values<std::int64_t>()[static_cast<std::size_t>(row)] = label->second;
  }
  return targets;
}

std::vector<float> TableEncoder::encode_weights(const Table& table) const {
  const auto found = weights_.empty() ? std::nullopt : table.find(weights_);
  if (!found) return {};
  const Column& column = table.columns[*found];
  std::vector<float> weights;
  for (std::int64_t row = 0; row < table.rows(); ++row) {
    const double weight = cell_number(table, column, row);
    if (std::isnan(weight)) fail_missing(table, row, column, "the sample's weight");
    if (weight < 0) fail_input("{}: column {}: the sample's weight {} is below 0", table.place(row), column.name, weight);
    const auto single = static_cast<float>(weight);
    if (!std::isfinite(single) || (weight > 0 && single < std::numeric_limits<float>::min())) {
      fail_input("{}: column {}: the sample's weight {} is {} for float32; weights count by their ratios: {} all by one number",
                 table.place(row), column.name, weight, weight > 1 ? "too large" : "too small", weight > 1 ? "divide" : "multiply");
    }
    weights.push_back(single);
  }
  return weights;
}

Dataset TableEncoder::encode(const Table& table) const {
  const auto column = table.find(target_);
  if (!column) {
    fail_input("{}: there is no target column \"{}\"{}", table.source, target_, did_you_mean(target_, names_of(table)));
  }
  return {.inputs = encode_inputs(table),
          .targets = encode_targets(table, table.columns[*column]),
          .class_names = class_names_,
          .feature_names = feature_names_,
          .sample_weights = encode_weights(table),
          .source = table.source};
}

Tensor TableEncoder::encode_row(const std::map<std::string, std::string>& cells) const {
  const auto known = column_names();
  for (const auto& [name, cell] : cells) {
    if (std::ranges::find(known, name) == known.end()) {
      fail_input("\"{}\" is no input column of this network{}", name,
                 name == target_ ? ", but what it predicts" : did_you_mean(name, known));
    }
  }
  Table row{.source = "input"};
  for (const std::string& name : known) {
    const auto cell = cells.find(name);
    const bool missing = cell == cells.end() || is_missing(cell->second);
    row.columns.push_back({.name = name, .is_numeric = false, .texts = {missing ? std::string() : cell->second}});
  }
  return encode_inputs(row);
}

std::vector<std::string> TableEncoder::column_names() const {
  std::vector<std::string> names;
  for (const Rule& rule : rules_) names.push_back(rule.column);
  return names;
}

std::vector<std::string> TableEncoder::text_columns() const {
  std::vector<std::string> names;
  for (const Rule& rule : rules_) {
    if (!rule.is_numeric) names.push_back(rule.column);
  }
  return names;
}

}  // namespace neurons
