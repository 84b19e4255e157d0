#pragma once
/// How a table of times becomes samples: windows of earlier steps, and the steps to forecast.

#include <cstdint>
#include <string>
#include <vector>

#include "neurons/base/number_check.hpp"

namespace neurons {

struct SeriesOptions {
  std::string time = {};                    ///< column of the times, which are checked for gaps; empty: rows follow one another
  std::vector<std::string> values = {};     ///< columns to forecast; empty: the last one
  std::vector<std::string> exogenous = {};  ///< columns that help to forecast and are not forecast themselves
  std::int64_t length = 24;                 ///< steps that the network sees
  std::int64_t horizon = 1;                 ///< steps that it forecasts, all at once
  std::int64_t stride = 1;                  ///< steps from one training sample to the next
  std::int64_t season = 0;                  ///< steps after which the values roughly repeat, for the baseline; 0: none

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("time", self.time);
    visit("values", self.values);
    visit("exogenous", self.exogenous);
    visit("length", self.length);
    visit("horizon", self.horizon);
    visit("stride", self.stride);
    visit("season", self.season);
  }
};

/// Shows all its numbers.
inline NumberCheck check_numbers(const SeriesOptions& options) {
  NumberCheck check;
  check.between<std::int64_t>("length", options.length, 1, 1'000'000);
  check.between<std::int64_t>("horizon", options.horizon, 1, 1'000'000);
  check.between<std::int64_t>("stride", options.stride, 1, 1'000'000);
  check.at_least<std::int64_t>("season", options.season, 0);
  if (options.season > options.length) {
    check.refuse("season", fmt::format("= {} is more than length = {}: the window must reach back a whole season", options.season,
                                       options.length));
  }
  return check;
}

}  // namespace neurons
