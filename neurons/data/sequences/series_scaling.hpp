#pragma once
/// How the numbers of a series were scaled for the network: fitted on the training steps, kept with the model.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "neurons/data/readers/table_encoder.hpp"
#include "neurons/data/sequences/series.hpp"

namespace neurons {

class SeriesScaling {
 public:
  /// By the first `steps` steps of `series`. A column that is constant there becomes 0. Throws InputError for numbers too large.
  static SeriesScaling fit(const Series& series, std::int64_t steps, Scaling scaling);

  /// How far apart the steps were that it was fitted to; nothing for models that do not say so.
  const std::optional<TimeSpacing>& spacing() const noexcept { return spacing_; }
  /// Throws InputError where the steps of `series` are not as far apart.
  void require_spacing(const Series& series) const;
  /// Names of the columns, the forecast ones first.
  const std::vector<std::string>& columns() const noexcept { return columns_; }
  std::int64_t forecast_columns() const noexcept { return forecast_columns_; }
  /// What the network sees of a number in a column.
  double scaled(double value, std::int64_t column) const {
    const auto [shift, spread] = rules_[static_cast<std::size_t>(column)];
    return (value - shift) / spread;
  }
  /// The number again; outputs [horizon, forecast columns] have column output % forecast_columns().
  double unscaled(double value, std::int64_t column) const {
    const auto [shift, spread] = rules_[static_cast<std::size_t>(column)];
    return value * spread + shift;
  }
  /// A network's output number `output` in the column's own units.
  double decode(double value, std::int64_t output) const { return unscaled(value, output % forecast_columns_); }
  /// By what errors of the outputs are multiplied to be in the column's own units.
  double unit(std::int64_t output) const { return rules_[static_cast<std::size_t>(output % forecast_columns_)].spread; }

  std::string to_json() const;
  /// Throws InputError naming `source` if the text is not what to_json gives.
  static SeriesScaling from_json(std::string_view text, const std::string& source);

  bool operator==(const SeriesScaling&) const = default;

 private:
  struct Rule {
    double shift = 0;
    double spread = 1;
    bool operator==(const Rule&) const = default;
  };
  std::optional<TimeSpacing> spacing_;
  std::vector<std::string> columns_;
  std::vector<Rule> rules_;
  std::int64_t forecast_columns_ = 1;
};

}  // namespace neurons
