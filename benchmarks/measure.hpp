#pragma once
/// How benchmarks take time: rates over short parts, each between two measurements of what the machine could do at most.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "neurons/base/thread_team.hpp"

namespace neurons::benchmarks {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The value below which `share` of the values lie; 0 of none.
double quantile(std::vector<double> values, double share);
inline double median(const std::vector<double>& values) { return quantile(values, 0.5); }

/// GFLOP/s of multiply-adds in registers, on all threads of the team at once, for about a millisecond.
double measure_peak(ThreadTeam& team);

/// Steps per second of `step`, over at least `seconds`. The clock is read about once in a millisecond.
template <typename Step>
double rate_of(const Step& step, double seconds) {
  constexpr double kClockSeconds = 1e-3;
  auto start = Clock::now();
  step();
  const auto chunk = std::max<std::int64_t>(1, static_cast<std::int64_t>(kClockSeconds / std::max(seconds_since(start), 1e-8)));
  std::int64_t steps = 0;
  double passed = 0;
  for (start = Clock::now(); passed < seconds; passed = seconds_since(start)) {
    for (std::int64_t i = 0; i < chunk; ++i) step();
    steps += chunk;
  }
  return static_cast<double>(steps) / passed;
}

/// What parts of measuring have in common.
struct Rate {
  double steps_per_second = 0;  ///< median of the parts
  double peak_share = 0;        ///< of the peak measured before and after each part
};

/// `seconds` of `step`, each of `flops` operations, in parts of 20 ms after a quarter of that time to warm up. Every measurement of
/// the peak is added to `peaks`.
template <typename Step>
Rate measure_rate(const Step& step, double flops, double seconds, ThreadTeam& team, std::vector<double>& peaks) {
  constexpr double kPartSeconds = 0.02;
  rate_of(step, seconds / 4);
  std::vector<double> rates;
  std::vector<double> shares;
  double before = measure_peak(team);
  peaks.push_back(before);
  const auto parts = std::max<std::int64_t>(1, static_cast<std::int64_t>(seconds / kPartSeconds));
  for (std::int64_t part = 0; part < parts; ++part) {
    rates.push_back(rate_of(step, seconds / static_cast<double>(parts)));
    const double after = measure_peak(team);
    shares.push_back(rates.back() * flops / 1e9 / (0.5 * (before + after)));
    before = after;
    peaks.push_back(after);
  }
  return {median(rates), median(shares)};
}

}  // namespace neurons::benchmarks
