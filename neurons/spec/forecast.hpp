#pragma once
/// The next steps of a series, with intervals from the errors that the model made on steps it had not learnt from.

#include <cstdint>
#include <string>
#include <vector>

#include "neurons/data/sequences/series.hpp"
#include "neurons/spec/model.hpp"

namespace neurons {

/// What the model missed by: f32 [windows, horizon · forecast columns], target minus forecast in the columns' own units; of at most
/// `most` windows, evenly spaced over `data`.
Tensor forecast_residuals(const Model& model, const Dataset& data, int threads = 0, std::int64_t most = 500);

struct ForecastOptions {
  std::int64_t steps = 0;  ///< 0: the model's horizon
  double level = 0.9;      ///< share of the futures that the intervals are to hold
  std::uint64_t seed = 0;  ///< of the errors drawn behind the horizon
  int threads = 0;         ///< 0: one for each core
};

struct ForecastStep {
  std::string time;
  std::vector<double> values;  ///< of each forecast column
  std::vector<double> low;     ///< of the interval; empty where the model keeps no errors
  std::vector<double> high;
};

/// The steps after the series' last. Behind the model's horizon its own forecasts are what it sees, each path of the interval with
/// an error drawn from those kept. Throws InputError for a series shorter than what the network sees, for a level that is not
/// between 0 and 1, and for more steps than the horizon where exogenous columns, which nobody forecasts, would be needed.
std::vector<ForecastStep> forecast(const Model& model, const Series& series, const ForecastOptions& options = {});

/// The series that the model's spec names, or the one at `path` (null: none), as the model reads it.
Series forecast_series(const Model& model, const std::filesystem::path* path, std::span<const std::filesystem::path> places = {});

}  // namespace neurons
