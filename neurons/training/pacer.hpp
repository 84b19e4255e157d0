#pragma once
/// When to look at the clock in a loop whose steps may take a microsecond or a second.

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace neurons {

/// due() is true about a hundred times a second, and otherwise costs one decrement.
class Pacer {
 public:
  using Clock = std::chrono::steady_clock;

  bool due() {
    if (--left_ > 0) return false;
    constexpr double kInterval = 0.01;
    const Clock::time_point now = Clock::now();
    const double each = std::chrono::duration<double>(now - last_).count() / static_cast<double>(steps_);
    const double fitting = each > 0 ? kInterval / each : static_cast<double>(2 * steps_);
    steps_ = std::clamp(static_cast<std::int64_t>(std::min(fitting, 1e9)), std::int64_t{1}, 2 * steps_);  // carefully upwards
    left_ = steps_;
    last_ = now;
    return true;
  }

 private:
  Clock::time_point last_ = Clock::now();
  std::int64_t steps_ = 1;  ///< between the last two looks
  std::int64_t left_ = 1;   ///< until the next one
};

}  // namespace neurons
