#pragma once
/// What the numbers among options must be, noted one by one: specs find the line of a wrong one by its key.

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "neurons/base/error.hpp"

namespace neurons {

/// A number that makes no sense.
struct BadNumber {
  std::string key;        ///< "early_stopping.patience", "groups[1].rate_factor"
  std::string complaint;  ///< "= -1 must be at least 0"
};

/// Keeps the first bad one of the numbers it is shown.
class NumberCheck {
 public:
  template <typename Number>
  void at_least(std::string_view key, Number value, Number least, std::string_view rule = "") {
    const bool finite = std::isfinite(static_cast<double>(value));
    if (finite && value >= least) return;
    refuse_value(key, value, !finite ? "finite" : rule.empty() ? fmt::format("at least {}", least) : std::string(rule));
  }
  template <typename Number>
  void between(std::string_view key, Number value, Number least, Number most) {
    if (value >= least && value <= most) return;
    refuse_value(key, value, fmt::format("from {} to {}", least, most));
  }
  void refuse(std::string_view key, std::string_view complaint) {
    if (!bad_) bad_ = {std::string(key), std::string(complaint)};
  }
  const std::optional<BadNumber>& bad() const { return bad_; }
  /// Throws InputError if there was a bad one; `where` stands before it.
  void require(std::string_view where = "") const {
    if (bad_) fail_input("{}{} {}", where, bad_->key, bad_->complaint);
  }

 private:
  template <typename Number>
  void refuse_value(std::string_view key, Number value, std::string_view wanted) {
    refuse(key, fmt::format("= {} must be {}", value, wanted));
  }

  std::optional<BadNumber> bad_;
};

}  // namespace neurons
