#pragma once
/// The next steps of a series, with intervals from the errors that the model made on steps it had not learnt from.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "neurons/data/sequences/series.hpp"
#include "neurons/spec/model.hpp"

namespace neurons {

/// What the model missed by: f32 [windows, horizon · forecast columns], target minus forecast in the columns' own units; of at most
/// `most` windows, evenly spaced over `data`.
Tensor forecast_residuals(const Model& model, const Dataset& data, int threads = 0, std::int64_t most = 500);

struct ForecastOptions {
  std::int64_t steps = 0;         ///< 0: the model's horizon
  std::optional<double> level{};  ///< share of the futures that the intervals are to hold; nothing: 0.9 where the errors allow it
  std::uint64_t seed = 0;         ///< of the errors drawn behind the horizon
  int threads = 0;                ///< 0: one for each core
};

/// The highest level that the intervals of n kept errors can hold: the least and the greatest enclose the next with probability
/// (n − 1) / (n + 1).
double highest_level(const Model& model);
/// The level of the intervals that these options give; nothing: there are none.
std::optional<double> interval_level(const Model& model, const ForecastOptions& options = {});
/// Why the intervals are not there or hold less than they say, for a person to read; "": they are as good as they can be.
std::string interval_doubt(const Model& model, const ForecastOptions& options = {});

struct ForecastStep {
  std::string time;
  std::vector<double> values;  ///< of each forecast column
  std::vector<double> low;     ///< of the interval; empty where there is none: see interval_level()
  std::vector<double> high;
};

/// The steps after the series' last. Behind the model's horizon its own forecasts are what it sees, each path of the interval with
/// an error drawn from those kept. Throws InputError for a series shorter than what the network sees or of another spacing, for a
/// level that is not between 0 and 1 or above highest_level(), for more steps than the horizon where exogenous columns, which
/// nobody forecasts, or carried state would be needed, and for so many steps that forecasts grow beyond all numbers.
std::vector<ForecastStep> forecast(const Model& model, const Series& series, const ForecastOptions& options = {});

/// The series that the model's spec names, or the one at `path` (null: none), as the model reads it.
Series forecast_series(const Model& model, const std::filesystem::path* path, std::span<const std::filesystem::path> places = {});

}  // namespace neurons
