#include "neurons/data/sequences/series_windows.hpp"

#include <algorithm>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

/// Steps first … first + count − 1, `columns` of each, scaled.
float* write_steps(const Series& series, const SeriesScaling& scaling, std::int64_t first, std::int64_t count, std::int64_t columns,
                   float* out) {
  for (std::int64_t step = first; step < first + count; ++step) {
    for (std::int64_t column = 0; column < columns; ++column) {
      *out++ = static_cast<float>(scaling.scaled(series.row(step)[static_cast<std::size_t>(column)], column));
    }
  }
  return out;
}

}  // namespace

Dataset series_windows(const Series& series, const SeriesScaling& scaling, const SeriesOptions& options, const StepRange& range,
                       std::int64_t stride, std::string_view part) {
  scaling.require_spacing(series);
  const auto& [length, horizon] = std::pair(options.length, options.horizon);
  if (horizon >= series.steps()) {
    fail_input("{}: horizon = {} is longer than the series, which has {} steps; shorten horizon in [data] series", series.source,
               horizon, series.steps());
  }
  std::int64_t samples = 0;
  const std::int64_t first = std::max(range.first, length);
  if (first + horizon <= range.last) samples = (range.last - horizon - first) / stride + 1;
  if (samples == 0) {
    fail_input("{}: {} has {} of the series' {} steps, too few for one window of length = {} before horizon = {}; shorten them",
               series.source, part, range.count(), series.steps(), length, horizon);
  }
  Dataset data;
  data.source = series.source;
  data.inputs = Tensor(DType::f32, {samples, length, series.width()});
  data.targets = Tensor(DType::f32, {samples, horizon * series.forecast_columns});
  float* input = data.inputs.values<float>().data();
  float* target = data.targets.values<float>().data();
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    const std::int64_t origin = first + sample * stride;
    input = write_steps(series, scaling, origin - length, length, series.width(), input);
    target = write_steps(series, scaling, origin, horizon, series.forecast_columns, target);
  }
  return data;
}

namespace {

/// So many windows that follow one another up to the last step.
Tensor last_windows(const Series& series, const SeriesScaling& scaling, std::int64_t length, std::int64_t count) {
  scaling.require_spacing(series);
  if (series.steps() < length) {
    fail_input("{}: has {} steps, but the network sees {} before it forecasts", series.source, series.steps(), length);
  }
  Tensor windows(DType::f32, {count, length, series.width()});
  write_steps(series, scaling, series.steps() - count * length, count * length, series.width(), windows.values<float>().data());
  return windows;
}

}  // namespace

Tensor last_window(const Series& series, const SeriesScaling& scaling, std::int64_t length) {
  return last_windows(series, scaling, length, 1);
}

Tensor windows_to_end(const Series& series, const SeriesScaling& scaling, std::int64_t length) {
  return last_windows(series, scaling, length, std::max<std::int64_t>(1, series.steps() / length));
}

}  // namespace neurons
