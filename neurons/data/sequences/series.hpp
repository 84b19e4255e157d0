#pragma once
/// A series in memory: one row of numbers for each step of time.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "neurons/data/readers/table.hpp"
#include "neurons/data/sequences/series_options.hpp"
#include "neurons/data/sequences/time_axis.hpp"

namespace neurons {

struct Series {
  std::string source = {};
  TimeAxis times = {};
  std::vector<std::string> columns = {};  ///< the forecast ones first, then the exogenous ones
  std::int64_t forecast_columns = 1;
  std::vector<double> values = {};  ///< [steps, columns]

  std::int64_t width() const noexcept { return static_cast<std::int64_t>(columns.size()); }
  std::int64_t steps() const noexcept { return static_cast<std::int64_t>(values.size()) / width(); }
  std::span<const double> row(std::int64_t step) const {
    return std::span(values).subspan(static_cast<std::size_t>(step * width()), columns.size());
  }
};

/// The columns that `options` names. Throws InputError for a column that is not there or named twice, for a missing value or a text
/// (with its line), and as TimeAxis::read().
Series series_of(const Table& table, const SeriesOptions& options);

}  // namespace neurons
