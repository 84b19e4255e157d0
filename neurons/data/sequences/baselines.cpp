#include "neurons/data/sequences/baselines.hpp"

namespace neurons {
namespace {

/// Each step ahead repeats the step `season` before it, which may itself lie ahead.
Tensor repeat_season(const Tensor& windows, std::int64_t horizon, std::int64_t forecast_columns, std::int64_t season) {
  const std::int64_t length = windows.shape()[1];
  const std::int64_t columns = windows.shape()[2];
  Tensor result(DType::f32, {windows.shape()[0], horizon * forecast_columns});
  const auto seen = windows.values<float>();
  float* out = result.values<float>().data();
  for (std::int64_t sample = 0; sample < windows.shape()[0]; ++sample) {
    for (std::int64_t step = 0; step < horizon; ++step) {
      const std::int64_t from = length - season + step % season;
      for (std::int64_t column = 0; column < forecast_columns; ++column) {
        *out++ = seen[static_cast<std::size_t>((sample * length + from) * columns + column)];
      }
    }
  }
  return result;
}

}  // namespace

std::vector<Baseline> baselines(const Tensor& windows, const SeriesOptions& options, std::int64_t forecast_columns) {
  std::vector<Baseline> result = {{"naive", repeat_season(windows, options.horizon, forecast_columns, 1)}};
  if (options.season > 0) {
    result.push_back({"seasonal_naive", repeat_season(windows, options.horizon, forecast_columns, options.season)});
  }
  return result;
}

}  // namespace neurons
