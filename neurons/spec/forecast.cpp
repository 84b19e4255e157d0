#include "neurons/spec/forecast.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/base/error.hpp"
#include "neurons/base/random.hpp"
#include "neurons/data/sequences/series_windows.hpp"
#include "neurons/spec/load_series.hpp"
#include "neurons/training/nonfinite.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons {
namespace {

constexpr double kUsualLevel = 0.9;
constexpr std::uint64_t kForecastStream = 0x666f7265;  // "fore"

/// Of how many windows the model keeps its errors.
std::int64_t error_count(const Model& model) { return model.residuals.shape().rank() == 2 ? model.residuals.shape()[0] : 0; }

/// The first row of a tensor, so many times.
Tensor repeated(std::span<const float> row, const Shape& shape) {
  Tensor result(DType::f32, shape);
  for (std::size_t at = 0; at < result.values<float>().size(); at += row.size()) {
    std::ranges::copy(row, result.values<float>().subspan(at).begin());
  }
  return result;
}

Tensor rows_of(const Tensor& tensor, const std::vector<std::int64_t>& rows) {
  Tensor result(DType::f32, tensor.shape().with(0, static_cast<std::int64_t>(rows.size())));
  const auto width = static_cast<std::size_t>(tensor.shape().product(1, tensor.shape().rank()));
  auto out = result.values<float>().begin();
  for (const std::int64_t row : rows) {
    out = std::ranges::copy(tensor.values<float>().subspan(static_cast<std::size_t>(row) * width, width), out).out;
  }
  return result;
}

/// Windows without targets.
Dataset unlabelled(Tensor windows) {
  Dataset data;
  data.targets = Tensor(DType::f32, {windows.shape()[0], 1});
  data.inputs = std::move(windows);
  return data;
}

/// The windows of many possible futures, which go on from their own forecasts. The first has no errors added: it is the forecast.
class Futures {
 public:
  Futures(const Model& model, const Series& series, const ForecastOptions& options)
      : model_(model), series_(series), random_(options.seed, kForecastStream), threads_(options.threads) {
    const Tensor window = last_window(series, *model.series, length());
    windows_ = repeated(window.values<float>(), window.shape().with(0, error_count(model) + 1));
  }

  /// The next horizon of every path, scaled: f32 [paths, horizon · forecast columns].
  Tensor next_block() {
    Tensor block = model_.carries_state()
                       ? after_all_windows()
                       : predict(model_.network, unlabelled(windows_), std::min<std::int64_t>(256, windows_.shape()[0]), threads_);
    add_errors(block);
    move_on(block);
    ++blocks_;
    return block;
  }

 private:
  std::int64_t length() const { return model_.spec.data.series->length; }

  /// What is said of the last window by a network that has seen all those before it, for every path.
  Tensor after_all_windows() const {
    const Tensor said = predict_stream(model_.network, unlabelled(windows_to_end(series_, *model_.series, length())), threads_);
    const auto outputs = static_cast<std::size_t>(said.shape()[1]);
    return repeated(said.values<float>().last(outputs), {windows_.shape()[0], said.shape()[1]});
  }

  /// In the first block each path has the errors of one window, so that its quantiles are theirs; later ones draw.
  void add_errors(Tensor& block) {
    const std::int64_t outputs = block.shape()[1];
    const auto values = block.values<float>();
    const std::int64_t rows = block.shape()[0] - 1;
    if (rows == 0) return;
    const auto errors = model_.residuals.values<float>();
    for (std::int64_t path = 0; path < rows; ++path) {
      const auto row = blocks_ == 0 ? path : static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(rows)));
      for (std::int64_t output = 0; output < outputs; ++output) {
        values[static_cast<std::size_t>((path + 1) * outputs + output)] +=
            errors[static_cast<std::size_t>(row * outputs + output)] / static_cast<float>(model_.series->unit(output));
      }
    }
  }

  /// The windows without their oldest steps and with the block at their end.
  void move_on(const Tensor& block) {
    const auto sample = static_cast<std::size_t>(windows_.shape()[1] * windows_.shape()[2]);
    const auto outputs = static_cast<std::size_t>(block.shape()[1]);
    for (std::size_t path = 0; path < static_cast<std::size_t>(windows_.shape()[0]); ++path) {
      const auto window = windows_.values<float>().subspan(path * sample, sample);
      const auto fresh = block.values<float>().subspan(path * outputs, outputs);
      const std::size_t kept = sample - std::min(sample, outputs);
      std::ranges::copy(window.last(kept), window.begin());
      std::ranges::copy(fresh.last(sample - kept), window.begin() + static_cast<std::ptrdiff_t>(kept));
    }
  }

  const Model& model_;
  const Series& series_;
  RandomStream random_;
  int threads_;
  Tensor windows_;
  std::int64_t blocks_ = 0;
};

/// Between the two nearest of n sorted values. The next value lies below the k-th with probability k / (n + 1).
double quantile(const std::vector<double>& sorted, double share) {
  const double last = static_cast<double>(sorted.size() - 1);
  const double place = std::clamp(share * static_cast<double>(sorted.size() + 1) - 1, 0.0, last);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - std::floor(place)) * (sorted[above] - sorted[below]);
}

/// One step of all paths: outputs first … first + columns − 1 of the block.
ForecastStep step_of(const Model& model, const Tensor& block, std::int64_t first, std::optional<double> level) {
  ForecastStep step;
  const auto outputs = static_cast<std::size_t>(block.shape()[1]);
  for (std::int64_t column = 0; column < model.series->forecast_columns(); ++column) {
    const auto output = static_cast<std::size_t>(first + column);
    std::vector<double> paths;
    for (std::size_t path = 0; path < static_cast<std::size_t>(block.shape()[0]); ++path) {
      paths.push_back(model.series->decode(static_cast<double>(block.values<float>()[path * outputs + output]), first + column));
    }
    step.values.push_back(paths.front());
    if (!level) continue;
    paths.erase(paths.begin());
    std::ranges::sort(paths);
    step.low.push_back(quantile(paths, (1 - *level) / 2));
    step.high.push_back(quantile(paths, (1 + *level) / 2));
  }
  return step;
}

bool is_finite(const ForecastStep& step) {
  const auto all = [](const std::vector<double>& values) {
    return std::ranges::all_of(values, [](double x) { return std::isfinite(x); });
  };
  return all(step.values) && all(step.low) && all(step.high);
}

}  // namespace

double highest_level(const Model& model) {
  const auto count = static_cast<double>(error_count(model));
  return count < 2 ? 0 : (count - 1) / (count + 1);
}

std::optional<double> interval_level(const Model& model, const ForecastOptions& options) {
  const double highest = highest_level(model);
  if (!options.level) return kUsualLevel <= highest ? std::optional(kUsualLevel) : std::nullopt;
  const double level = *options.level;
  if (!(level > 0 && level < 1)) fail_input("level = {} must lie between 0 and 1, such as 0.9", level);
  if (level <= highest) return level;
  if (highest == 0) fail_input("level = {}: {}", level, interval_doubt(model));
  fail_input(
      "level = {}: the run keeps its errors on {} windows, whose intervals hold {:.3g} at most; lower it, or train with a longer "
      "validation part",
      level, error_count(model), std::floor(1000 * highest) / 1000);
}

std::string interval_doubt(const Model& model, const ForecastOptions& options) {
  const std::int64_t count = error_count(model);
  if (count == 0) return "the model keeps no errors to make intervals of";
  if (!interval_level(model, options)) {
    return fmt::format(
        "there are no intervals: the run keeps its errors on {} window{}, those of level {} need {}; train with a longer "
        "validation part",
        count, count == 1 ? "" : "s", kUsualLevel, std::ceil(2 / (1 - kUsualLevel) - 1 - 1e-9));
  }
  const DataSpec& data = model.spec.data;
  const auto is_kept = [](const Part& part) { return part.is_parted() || !part.source.empty(); };
  if (is_kept(data.validation) || is_kept(data.test)) return "";
  return "the intervals are those of steps that the network has learnt from, so they may be too narrow; train with a validation "
         "part";
}

Tensor forecast_residuals(const Model& model, const Dataset& data, int threads, std::int64_t most) {
  std::vector<std::int64_t> rows;
  const std::int64_t count = std::min(most, data.samples());
  for (std::int64_t i = 0; i < count; ++i) rows.push_back(i * data.samples() / count);
  const Dataset some = data.subset(rows);
  const Tensor said = model.carries_state() ? rows_of(predict_stream(model.network, data, threads), rows)
                                            : predict(model.network, some, std::min<std::int64_t>(256, count), threads);
  Tensor residuals(DType::f32, some.targets.shape());
  const std::int64_t outputs = residuals.shape()[1];
  for (std::size_t i = 0; i < residuals.values<float>().size(); ++i) {
    const auto unit = static_cast<float>(model.series->unit(static_cast<std::int64_t>(i) % outputs));
    residuals.values<float>()[i] = (some.targets.values<float>()[i] - said.values<float>()[i]) * unit;
  }
  return residuals;
}

std::vector<ForecastStep> forecast(const Model& model, const Series& series, const ForecastOptions& options) {
  if (!model.series) fail_input("{}: the model was not trained on a series, so it forecasts nothing", model.file.string());
  const SeriesOptions& spec = *model.spec.data.series;
  const std::int64_t steps = options.steps > 0 ? options.steps : spec.horizon;
  const std::optional<double> level = interval_level(model, options);
  if (steps > spec.horizon && !spec.exogenous.empty()) {
    fail_input("{} steps: the model forecasts {} at once and needs the exogenous column {} for more, which nobody forecasts", steps,
               spec.horizon, spec.exogenous.front());
  }
  if (steps > spec.horizon && model.carries_state()) {
    fail_input("{} steps: the model carries its state from window to window and forecasts {} at once; ask for at most as many",
               steps, spec.horizon);
  }
  Futures futures(model, series, options);
  std::vector<ForecastStep> result;
  while (static_cast<std::int64_t>(result.size()) < steps) {
    const Tensor block = futures.next_block();
    for (std::int64_t ahead = 0; ahead < spec.horizon && static_cast<std::int64_t>(result.size()) < steps; ++ahead) {
      ForecastStep step = step_of(model, block, ahead * model.series->forecast_columns(), level);
      if (!is_finite(step)) {
        const auto weight = nonfinite_parameter(model.network);
        if (weight)
          fail_input("{}: the network forecasts nothing: {}; take another file of weights", model.file.string(),
                     weight->to_string());
        fail_input("{} steps: from step {} on the forecasts, each made from those before it, are beyond all numbers; {}", steps,
                   result.size() + 1, result.empty() ? "the model is of no use" : "ask for fewer");
      }
      step.time = series.times.text(series.steps() + static_cast<std::int64_t>(result.size()));
      result.push_back(std::move(step));
    }
  }
  return result;
}

Series forecast_series(const Model& model, const std::filesystem::path* path, std::span<const std::filesystem::path> places) {
  const std::string source = path == nullptr ? model.spec.data.source : path->string();
  return read_series(find_source(source, "", places), model.spec.data);
}

}  // namespace neurons
