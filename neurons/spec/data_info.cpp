#include "neurons/spec/data_info.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "neurons/base/error.hpp"
#include "neurons/data/readers/csv.hpp"
#include "neurons/data/readers/pictures.hpp"
#include "neurons/data/readers/table_encoder.hpp"
#include "neurons/data/readers/text.hpp"
#include "neurons/data/sequences/tokenizer.hpp"
#include "neurons/spec/load_data.hpp"

namespace neurons {
namespace {

ColumnInfo describe_column(const Column& column) {
  constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
  ColumnInfo info{.name = column.name, .is_numeric = column.is_numeric};
  if (!column.is_numeric) {
    const std::set<std::string> levels(column.texts.begin(), column.texts.end());
    info.missing = std::ranges::count(column.texts, std::string());
    info.levels = static_cast<std::int64_t>(levels.size()) - (levels.contains("") ? 1 : 0);
    info.is_empty = info.levels == 0;
    info.minimum = info.mean = info.maximum = kNothing;
    return info;
  }
  double sum = 0;
  std::int64_t count = 0;
  info.minimum = info.maximum = kNothing;
  for (const double number : column.numbers) {
    if (std::isnan(number)) continue;
    info.minimum = count == 0 ? number : std::min(info.minimum, number);
    info.maximum = count == 0 ? number : std::max(info.maximum, number);
    sum += number;
    ++count;
  }
  info.missing = static_cast<std::int64_t>(column.numbers.size()) - count;
  info.is_empty = count == 0;
  info.mean = count > 0 ? sum / static_cast<double>(count) : kNothing;
  return info;
}

void count_classes(DataInfo& info, const Dataset& data) {
  info.is_classification = data.is_classification();
  if (!info.is_classification) return;
  for (std::int64_t label = 0; label < data.classes(); ++label) {
    const auto index = static_cast<std::size_t>(label);
    info.classes.emplace_back(index < data.class_names.size() ? data.class_names[index] : std::to_string(label), 0);
  }
  for (const std::int64_t label : data.targets.values<std::int64_t>()) {
    if (label != kIgnoredLabel) ++info.classes.at(static_cast<std::size_t>(label)).second;
  }
}

template <typename T>
void find_range(DataInfo& info, const Tensor& inputs) {
  const auto [least, most] = std::ranges::minmax(inputs.values<T>());
  info.input_minimum = static_cast<double>(least);
  info.input_maximum = static_cast<double>(most);
}

/// The rows in which that column holds something.
Table rows_with(const Table& table, const Column& column) {
  Table chosen{.source = table.source, .columns = table.columns, .lines = {}};
  for (Column& one : chosen.columns) {
    one.numbers.clear();
    one.texts.clear();
  }
  for (std::int64_t row = 0; row < table.rows(); ++row) {
    const auto index = static_cast<std::size_t>(row);
    if (column.is_numeric ? std::isnan(column.numbers[index]) : column.texts[index].empty()) continue;
    chosen.lines.push_back(table.lines[index]);
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      if (table.columns[i].is_numeric) {
        chosen.columns[i].numbers.push_back(table.columns[i].numbers[index]);
      } else {
        chosen.columns[i].texts.push_back(table.columns[i].texts[index]);
      }
    }
  }
  return chosen;
}

void describe_table(DataInfo& info, const std::string& target, const CsvOptions& csv) {
  const Table table = read_csv(csv_file_of(info.path), csv);
  info.samples = table.rows();
  for (const Column& column : table.columns) info.columns.push_back(describe_column(column));
  // Texts of which each stands once are times or identifiers: no network learns from them.
  std::vector<std::string> once;
  const auto found = target.empty() ? std::optional(table.columns.size() - 1) : table.find_name_or_number(target);
  if (!found) fail_input("{}: there is no target column \"{}\" among its {} columns", table.source, target, table.column_count());
  const std::size_t chosen = *found;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i != chosen && info.columns[i].levels == info.samples) once.push_back(info.columns[i].name);
  }
  if (!once.empty() && once.size() + 1 == table.columns.size() && table.columns[chosen].is_numeric) {
    info.target = table.columns[chosen].name;
    info.is_classification = false;
    return;
  }
  EncoderOptions options{.target = target};
  const Table labelled = rows_with(table, table.columns[chosen]);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i == chosen) continue;
    const ColumnInfo column = describe_column(labelled.columns[i]);
    info.columns[i].is_refused = column.levels > TableEncoder::kMaxLevels;
    if (column.is_empty || info.columns[i].is_refused) options.ignore.push_back(column.name);
  }
  if (labelled.rows() == 0 || options.ignore.size() + 1 == table.columns.size()) {
    info.target = table.columns[chosen].name;
    info.is_classification = false;
    return;
  }
  const TableEncoder encoder = TableEncoder::fit(labelled, {}, options);
  info.target = encoder.target_name();
  info.sample = {encoder.features()};
  count_classes(info, encoder.encode(labelled));
}

/// True if the folder's pictures are of several sizes: each would have to be resampled before more can be said of it.
bool describe_mixed_pictures(DataInfo& info) {
  PictureFolder folder = describe_picture_folder(info.path);
  const PictureShape& smallest = folder.smallest;
  const PictureShape& largest = folder.largest;
  if (smallest.height == largest.height && smallest.width == largest.width) return false;
  info.sample = {smallest.channels, smallest.height, smallest.width};
  info.largest = {largest.channels, largest.height, largest.width};
  for (const auto& [name, count] : folder.classes) info.samples += count;
  info.classes = std::move(folder.classes);
  info.input_minimum = info.input_maximum = std::numeric_limits<double>::quiet_NaN();
  return true;
}

void describe_arrays(DataInfo& info, const TrainTest& both) {
  both.train.validate();
  info.samples = both.train.samples();
  info.test_samples = both.test.samples();
  info.sample = both.train.input_shape();
  count_classes(info, both.train);
  if (both.train.inputs.dtype() == DType::u8) {
    find_range<std::uint8_t>(info, both.train.inputs);
  } else if (both.train.has_tokens()) {
    find_range<std::int64_t>(info, both.train.inputs);
  } else {
    find_range<float>(info, both.train.inputs);
  }
}

}  // namespace

DataInfo describe_data(const std::filesystem::path& path, const std::string& target, const CsvOptions& csv) {
  DataInfo info;
  info.path = path;
  info.kind = source_kind(path);
  if (info.kind == SourceKind::csv) {
    describe_table(info, target, csv);
  } else if (!target.empty()) {
    fail_input("{}: is no table, so it has no target column \"{}\"", path.string(), target);
  } else if (info.kind == SourceKind::text) {
    const std::string text = read_text(text_file_of(path));
    info.samples = count_characters(text);
    info.characters = Tokenizer::train(text, TokenKind::character).vocabulary() - 1;
  } else if (info.kind != SourceKind::pictures || !describe_mixed_pictures(info)) {
    describe_arrays(info, read_arrays(path));
  }
  return info;
}

}  // namespace neurons
