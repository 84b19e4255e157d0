#include "neurons/data/sequences/series.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"

namespace neurons {
namespace {

const Column& column_named(const Table& table, const std::string& name, std::string_view key) {
  if (const auto found = table.find(name)) return table.columns[*found];
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(column.name);
  fail_input("{}: there is no column \"{}\", which [data] series names under {}{}", table.source, name, key,
             did_you_mean(name, names));
}

/// The last column that is not the time.
std::string last_column(const Table& table, const SeriesOptions& options) {
  for (auto column = table.columns.rbegin(); column != table.columns.rend(); ++column) {
    if (column->name != options.time && std::ranges::find(options.exogenous, column->name) == options.exogenous.end()) {
      return column->name;
    }
  }
  fail_input("{}: no column is left to forecast", table.source);
}

}  // namespace

Series series_of(const Table& table, const SeriesOptions& options) {
  Series series{.source = table.source};
  if (!options.time.empty()) series.times = TimeAxis::read(table, column_named(table, options.time, "time"));
  series.columns = options.values;
  if (series.columns.empty()) series.columns.push_back(last_column(table, options));
  series.forecast_columns = series.width();
  series.columns.insert(series.columns.end(), options.exogenous.begin(), options.exogenous.end());
  std::set<std::string> seen = {options.time};
  std::vector<const Column*> columns;
  for (std::int64_t i = 0; i < series.width(); ++i) {
    const std::string& name = series.columns[static_cast<std::size_t>(i)];
    columns.push_back(&column_named(table, name, i < series.forecast_columns ? "values" : "exogenous"));
    if (!seen.insert(name).second) fail_input("{}: [data] series names the column \"{}\" twice", table.source, name);
    if (!columns.back()->is_numeric) {
      fail_input("{}: column {} holds texts; a series is made of numbers", table.source, name);
    }
  }
  for (std::int64_t row = 0; row < table.rows(); ++row) {
    for (const Column* column : columns) {
      const double value = column->numbers[static_cast<std::size_t>(row)];
      if (std::isnan(value)) {
        fail_input("{}: column {}: the value is missing; a series has no gaps: fill it in, or begin after it", table.place(row),
                   column->name);
      }
      series.values.push_back(value);
    }
  }
  return series;
}

}  // namespace neurons
