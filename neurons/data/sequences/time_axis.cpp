#include "neurons/data/sequences/time_axis.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <vector>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

namespace chrono = std::chrono;

/// Spaces between times that differ by less than this share of a step count as equal: 1749.083, 1749.167, 1749.25.
constexpr double kTimeTolerance = 0.05;
constexpr int kLastDay = 32;

/// So many digits at the front of `text`, taken from it.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = 10 * number + (c - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

bool is_last_of_month(const chrono::year_month_day& date) {
  return date.day() == chrono::year_month_day_last(date.year() / date.month() / chrono::last).day();
}

double months_of(const chrono::year_month_day& date) {
  return 12.0 * int{date.year()} + static_cast<double>(unsigned{date.month()}) - 1;
}

}  // namespace

bool TimeSpacing::is_like(const TimeSpacing& other) const {
  return unit == other.unit && std::fabs(size - other.size) <= kTimeTolerance * other.size;
}

std::string TimeSpacing::text() const {
  constexpr std::string_view kNames[] = {" step", "", " month", " day", " second"};
  const std::string_view name = kNames[static_cast<std::size_t>(unit)];
  return fmt::format("{:.6g}{}{}", size, name, name.empty() || size == 1 ? "" : "s");
}

/// One cell.
struct TimeAxis::Moment {
  Unit unit = Unit::number;
  double value = 0;
  chrono::year_month_day date{};  ///< of all units but number
  bool has_seconds = false;
  char separator = 'T';
};

TimeAxis::Moment TimeAxis::parse(const Table& table, const Column& column, std::int64_t row) {
  const auto index = static_cast<std::size_t>(row);
  const auto refuse = [&](std::string_view found) {
    fail_input("{}: column {}: {}, expected a number or a time such as 1749-01, 1749-01-31 or 1749-01-31T12:00", table.place(row),
               column.name, found.empty() ? "the time is missing" : fmt::format("\"{}\" is no time", found));
  };
  if (column.is_numeric) {
    if (std::isnan(column.numbers[index])) refuse("");
    return {.value = column.numbers[index]};
  }
  const std::string& cell = column.texts[index];
  std::string_view rest = cell;
  Moment moment{.unit = Unit::month};
  const auto year = take_digits(rest, 4);
  const auto month = year && take(rest, '-') ? take_digits(rest, 2) : std::nullopt;
  if (!month) refuse(cell);
  int day = 1;
  int seconds = 0;
  if (take(rest, '-')) {
    moment.unit = Unit::day;
    const auto given = take_digits(rest, 2);
    if (!given) refuse(cell);
    day = *given;
    if (rest.starts_with('T') || rest.starts_with(' ')) {
      moment.unit = Unit::second;
      moment.separator = rest.front();
      rest.remove_prefix(1);
      const auto hour = take_digits(rest, 2);
      const auto minute = hour && take(rest, ':') ? take_digits(rest, 2) : std::nullopt;
      if (!minute) refuse(cell);
      moment.has_seconds = take(rest, ':');
      const auto second = moment.has_seconds ? take_digits(rest, 2) : 0;
      if (!second || *hour > 23 || *minute > 59 || *second > 59) refuse(cell);
      seconds = 3600 * *hour + 60 * *minute + *second;
    }
  }
  moment.date = chrono::year{*year} / chrono::month{static_cast<unsigned>(*month)} / chrono::day{static_cast<unsigned>(day)};
  if (!rest.empty() || !moment.date.ok()) refuse(cell);
  const auto days = static_cast<double>(chrono::sys_days(moment.date).time_since_epoch().count());
  moment.value = moment.unit == Unit::month ? months_of(moment.date) : moment.unit == Unit::day ? days : 86400.0 * days + seconds;
  return moment;
}

/// Dates that all are the same day of a month, or all its last, are months.
void TimeAxis::settle_unit(std::vector<Moment>& moments) {
  const auto all = [&](const auto& holds) { return std::ranges::all_of(moments, holds); };
  const bool dates = all([](const Moment& moment) { return moment.unit == Unit::day; });
  const auto day = moments.front().date.day();
  const bool same = all([day](const Moment& moment) { return moment.date.day() == day; });
  if (!dates || !(same || all([](const Moment& moment) { return is_last_of_month(moment.date); }))) return;
  if (moments[0].date.year() == moments[1].date.year() && moments[0].date.month() == moments[1].date.month()) return;
  for (Moment& moment : moments) {
    moment.unit = Unit::month;
    moment.value = months_of(moment.date);
  }
}

TimeAxis TimeAxis::read(const Table& table, const Column& column) {
  std::vector<Moment> moments;
  for (std::int64_t row = 0; row < table.rows(); ++row) moments.push_back(parse(table, column, row));
  if (moments.size() < 2) fail_input("{}: a series needs at least two rows, this one has {}", table.source, moments.size());
  const bool with_days = moments.front().unit == Unit::day;
  settle_unit(moments);
  const Moment& first = moments.front();
  std::vector<double> gaps;
  for (std::size_t i = 0; i + 1 < moments.size(); ++i) gaps.push_back(moments[i + 1].value - moments[i].value);
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::vector<double> sorted = gaps;
  const auto median = sorted.begin() + (middle - gaps.begin());
  std::ranges::nth_element(sorted, median);
  TimeAxis axis;
  axis.unit_ = first.unit;
  axis.first_ = first.value;
  axis.step_ = *median;
  axis.has_seconds_ = std::ranges::any_of(moments, &Moment::has_seconds);
  axis.separator_ = first.separator;
  if (axis.unit_ == Unit::month && with_days) {
    const bool last = std::ranges::all_of(moments, [](const Moment& moment) { return is_last_of_month(moment.date); });
    axis.day_ = last ? kLastDay : static_cast<int>(unsigned{first.date.day()});
  }
  constexpr std::string_view kAdvice = "or leave time out of [data] series if rows simply follow one another";
  for (std::size_t i = 0; i < gaps.size(); ++i) {  // rows out of order may look like a gap before they go back
    const auto row = static_cast<std::int64_t>(i) + 1;
    if (moments[i + 1].unit != first.unit) {
      fail_input("{}: column {}: the time is written in another way than in the first row", table.place(row), column.name);
    }
    if (gaps[i] > 0) continue;
    const std::string now = axis.text_of(moments[i + 1].value);
    if (gaps[i] == 0) fail_input("{}: the time {} stands twice; a series has one row for each time", table.place(row), now);
    fail_input("{}: the time {} comes after {}; sort the rows by time", table.place(row), now, axis.text_of(moments[i].value));
  }
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    if (std::fabs(gaps[i] - axis.step_) <= kTimeTolerance * axis.step_) continue;
    const auto row = static_cast<std::int64_t>(i) + 1;
    const std::string now = axis.text_of(moments[i + 1].value);
    const std::string before = axis.text_of(moments[i].value);
    const double steps = std::round(gaps[i] / axis.step_);
    if (steps >= 2 && std::fabs(gaps[i] - steps * axis.step_) <= kTimeTolerance * axis.step_) {
      fail_input("{}: a gap: {} row{} missing between {} and {}; fill {} in, begin the series after the gap, {}", table.place(row),
                 steps - 1, steps > 2 ? "s are" : " is", before, now, steps > 2 ? "them" : "it", kAdvice);
    }
    fail_input("{}: the times {} and {} are not as far apart as most others; give one row for each step of time, {}",
               table.place(row), before, now, kAdvice);
  }
  // The mean step keeps far times exact where numbers were rounded.
  if (axis.unit_ == Unit::number) axis.step_ = (moments.back().value - axis.first_) / static_cast<double>(gaps.size());
  return axis;
}

std::string TimeAxis::text(std::int64_t index) const { return text_of(first_ + static_cast<double>(index) * step_); }

std::string TimeAxis::text_of(double value) const {
  if (unit_ == Unit::step || unit_ == Unit::number) return fmt::format("{:.10g}", value);
  if (unit_ == Unit::month) {
    const auto months = static_cast<int>(value);
    const auto month = chrono::year{months / 12} / chrono::month{static_cast<unsigned>(months % 12 + 1)};
    const std::string text = fmt::format("{:04}-{:02}", months / 12, months % 12 + 1);
    if (day_ == 0) return text;
    const unsigned last = unsigned{chrono::year_month_day_last(month / chrono::last).day()};
    return fmt::format("{}-{:02}", text, std::min(static_cast<unsigned>(day_), last));
  }
  const double days = unit_ == Unit::day ? value : std::floor(value / 86400);
  const chrono::year_month_day date{chrono::sys_days{chrono::days{static_cast<int>(days)}}};
  const std::string text = fmt::format("{:04}-{:02}-{:02}", int{date.year()}, unsigned{date.month()}, unsigned{date.day()});
  if (unit_ == Unit::day) return text;
  const auto seconds = static_cast<int>(value - 86400 * days);
  const std::string time = fmt::format("{}{}{:02}:{:02}", text, separator_, seconds / 3600, seconds / 60 % 60);
  return has_seconds_ ? fmt::format("{}:{:02}", time, seconds % 60) : time;
}

}  // namespace neurons
