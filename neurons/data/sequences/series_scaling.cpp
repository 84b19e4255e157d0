#include "neurons/data/sequences/series_scaling.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

/// In the order of TimeSpacing::Unit.
constexpr std::string_view kUnits[] = {"step", "number", "month", "day", "second"};

}  // namespace

SeriesScaling SeriesScaling::fit(const Series& series, std::int64_t steps, Scaling scaling) {
  SeriesScaling result;
  result.spacing_ = series.times.spacing();
  result.columns_ = series.columns;
  result.forecast_columns_ = series.forecast_columns;
  for (std::int64_t column = 0; column < series.width(); ++column) {
    const auto value = [&](std::int64_t step) { return series.row(step)[static_cast<std::size_t>(column)]; };
    double low = value(0);
    double high = low;
    double sum = 0;
    for (std::int64_t step = 0; step < steps; ++step) {
      low = std::min(low, value(step));
      high = std::max(high, value(step));
      sum += value(step);
    }
    const double mean = sum / static_cast<double>(steps);
    double squares = 0;
    for (std::int64_t step = 0; step < steps; ++step) squares += (value(step) - mean) * (value(step) - mean);
    Rule rule;
    if (scaling == Scaling::standardise) rule = {mean, std::sqrt(squares / static_cast<double>(steps))};
    if (scaling == Scaling::min_max) rule = {low, high - low};
    if (low == high) rule.spread = 1;
    const double largest = std::max(std::fabs(low), std::fabs(high));
    if (!std::isfinite(rule.shift) || !std::isfinite(rule.spread) || !std::isfinite(static_cast<float>(largest / rule.spread))) {
      fail_input("{}: column {} cannot be scaled: its values are too large or too close together", series.source,
                 series.columns[static_cast<std::size_t>(column)]);
    }
    result.rules_.push_back(rule);
  }
  return result;
}

void SeriesScaling::require_spacing(const Series& series) const {
  const TimeSpacing found = series.times.spacing();
  if (!spacing_ || found.is_like(*spacing_)) return;
  fail_input("{}: from row to row its time grows by {}, but the model was trained on steps of {}", series.source, found.text(),
             spacing_->text());
}

std::string SeriesScaling::to_json() const {
  nlohmann::ordered_json json = {{"forecast_columns", forecast_columns_}, {"columns", nlohmann::ordered_json::array()}};
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    json["columns"].push_back({{"name", columns_[i]}, {"shift", rules_[i].shift}, {"spread", rules_[i].spread}});
  }
  if (spacing_) json["spacing"] = {{"unit", kUnits[static_cast<std::size_t>(spacing_->unit)]}, {"size", spacing_->size}};
  return json.dump();
}

SeriesScaling SeriesScaling::from_json(std::string_view text, const std::string& source) {
  const auto damaged = [&] { fail_input("{}: its scaling of the series is damaged", source); };
  SeriesScaling scaling;
  try {
    const auto json = nlohmann::ordered_json::parse(text);
    scaling.forecast_columns_ = json.at("forecast_columns").get<std::int64_t>();
    for (const auto& column : json.at("columns")) {
      scaling.columns_.push_back(column.at("name").get<std::string>());
      scaling.rules_.push_back({column.at("shift").get<double>(), column.at("spread").get<double>()});
    }
    if (const auto spacing = json.find("spacing"); spacing != json.end()) {
      const auto unit = std::ranges::find(kUnits, spacing->at("unit").get<std::string>());
      if (unit == std::end(kUnits)) damaged();
      scaling.spacing_ = {static_cast<TimeSpacing::Unit>(unit - std::begin(kUnits)), spacing->at("size").get<double>()};
    }
  } catch (const nlohmann::ordered_json::exception&) {
    damaged();
  }
  const auto usable = [](const Rule& rule) { return std::isfinite(rule.shift) && std::isfinite(rule.spread) && rule.spread > 0; };
  if (scaling.forecast_columns_ < 1 || scaling.forecast_columns_ > std::ssize(scaling.rules_) ||
      !std::ranges::all_of(scaling.rules_, usable)) {
    damaged();
  }
  return scaling;
}

}  // namespace neurons
