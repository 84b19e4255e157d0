#pragma once
/// Where the time of a plan goes.

#include <vector>

#include "neurons/plan/plan.hpp"

namespace neurons {

/// Seconds that each of plan.steps() took: the median of `runs` runs, the team meeting before and after each step (a fraction of a
/// microsecond that Plan::run() mostly saves). The plan really runs: what it updates is updated. Throws InputError for runs < 1.
std::vector<double> profile(const Plan& plan, int runs);

}  // namespace neurons
