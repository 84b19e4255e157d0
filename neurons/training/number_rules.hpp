#pragma once
/// What the numbers among the options must be: one list, by which Learner and Trainer check and specs find the line of a wrong one.

#include "neurons/base/number_check.hpp"

namespace neurons {

struct TrainOptions;

/// Shows the numbers that LearnerOptions and TrainOptions share.
template <typename Options>
void check_learning(const Options& options, NumberCheck& check) {
  constexpr std::string_view kOrNone = "positive, or 0 for none";
  check.at_least("accumulate", options.accumulate, 1);
  check.at_least("clip_value", options.clip_value, 0.0, kOrNone);
  check.at_least("clip_norm", options.clip_norm.value_or(0), 0.0, kOrNone);
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
