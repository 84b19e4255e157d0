#pragma once
/// What the numbers among the options must be: one list, by which Learner and Trainer check and specs find the line of a wrong one.

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

namespace neurons {

struct TrainOptions;

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
    if (bad_ || (value >= least && finite)) return;
    const std::string wanted = !finite ? "finite" : rule.empty() ? fmt::format("at least {}", least) : std::string(rule);
    bad_ = {std::string(key), fmt::format("= {} must be {}", value, wanted)};
  }
  const std::optional<BadNumber>& bad() const { return bad_; }
  /// Throws InputError if there was a bad one.
  void require() const;

 private:
  std::optional<BadNumber> bad_;
};

/// Shows the numbers that LearnerOptions and TrainOptions share.
template <typename Options>
void check_learning(const Options& options, NumberCheck& check) {
  constexpr std::string_view kOrNone = "positive, or 0 for none";
  check.at_least("accumulate", options.accumulate, 1);
  check.at_least("clip_value", options.clip_value, 0.0, kOrNone);
  check.at_least("clip_norm", options.clip_norm, 0.0, kOrNone);
  check.at_least("l1", options.l1, 0.0);
  check.at_least("l2", options.l2, 0.0);
  for (std::size_t i = 0; i < options.groups.size(); ++i) {
    check.at_least(fmt::format("groups[{}].rate_factor", i), options.groups[i].rate_factor, 0.0);
    check.at_least(fmt::format("groups[{}].weight_decay", i), options.groups[i].weight_decay.value_or(0), 0.0);
  }
}

/// Shows all numbers of a training.
NumberCheck check_numbers(const TrainOptions& options);

}  // namespace neurons
