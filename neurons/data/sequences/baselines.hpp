#pragma once
/// Forecasts that need no network: what a network must beat.

#include <cstdint>
#include <string>
#include <vector>

#include "neurons/data/sequences/series_options.hpp"
#include "neurons/tensor/tensor.hpp"

namespace neurons {

struct Baseline {
  std::string name;    ///< "naive", "seasonal_naive"
  Tensor predictions;  ///< f32 [samples, horizon · forecast columns], as series_windows() gives targets
};

/// Of windows [samples, length, columns], of which the first `forecast_columns` are forecast: naive, the last value stays; and with
/// a season, seasonal naive, each value is that of the last same season.
std::vector<Baseline> baselines(const Tensor& windows, const SeriesOptions& options, std::int64_t forecast_columns);

}  // namespace neurons
