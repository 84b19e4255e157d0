#pragma once
/// The times of a series: equally spaced, and known beyond its end.

#include <cstdint>
#include <string>
#include <string_view>

#include "neurons/data/readers/table.hpp"

namespace neurons {

/// How far apart the times of a series are.
struct TimeSpacing {
  enum class Unit { step, number, month, day, second };
  Unit unit = Unit::step;  ///< step: it has no times
  double size = 1;

  /// Sizes may differ by as little as times that were rounded do.
  bool is_like(const TimeSpacing& other) const;
  /// "1 day", "3 months", "0.5".
  std::string text() const;
  bool operator==(const TimeSpacing&) const = default;
};

/// Numbers (years, seconds, …), months (1749-01; dates of one day of the month or its last), days (2024-03-31) or seconds
/// (2024-03-31T12:00, 2024-03-31 12:00:30), in steps of any size.
class TimeAxis {
 public:
  /// Steps that have no times, counted from 1.
  TimeAxis() = default;
  /// From a column of times. Throws InputError naming the line for a cell that is no time, a time that stands twice, one before the
  /// last, and a gap; and for fewer than two rows.
  static TimeAxis read(const Table& table, const Column& column);

  /// The time of step `index` (from 0), which may lie behind the last one: "1984-01".
  std::string text(std::int64_t index) const;
  TimeSpacing spacing() const { return {unit_, step_}; }

 private:
  using Unit = TimeSpacing::Unit;
  struct Moment;
  static Moment parse(const Table& table, const Column& column, std::int64_t row);
  static void settle_unit(std::vector<Moment>& moments);
  std::string text_of(double value) const;

  Unit unit_ = Unit::step;
  double first_ = 1;  ///< in units since year 0, or the number itself
  double step_ = 1;
  int day_ = 0;               ///< of months that are written with a day; 32: their last one; 0: without
  bool has_seconds_ = false;  ///< 12:00:30 and not 12:00
  char separator_ = 'T';      ///< between day and time
};

}  // namespace neurons
