#include "neurons/spec/chronological.hpp"

#include <cmath>

#include "neurons/base/error.hpp"
#include "neurons/data/splits.hpp"

namespace neurons {
namespace {

/// The steps that `part` takes from the end of 0 … steps − 1.
StepRange range_of(const Part& part, std::string_view key, std::int64_t steps, const std::string& source) {
  if (part.folds > 0) {
    const Indices test = walk_forward(steps, part.folds)[static_cast<std::size_t>(part.fold - 1)].test;
    return {test.front(), test.back() + 1};
  }
  const double wanted = part.amount < 1 ? std::round(part.amount * static_cast<double>(steps)) : part.amount;
  if (wanted < 1 || wanted >= static_cast<double>(steps)) {
    fail_input("[data] {} = {}: {} has only {} to part", key, part.amount, source, steps);
  }
  return {steps - static_cast<std::int64_t>(wanted), steps};
}

}  // namespace

ChronologicalParts part_in_order(const DataSpec& spec, std::int64_t steps, const std::string& source) {
  ChronologicalParts parts{.train = {0, steps}, .validation = {}, .test = {}};
  const auto take = [&](const Part& part, std::string_view key, StepRange& into) {
    if (!part.is_parted()) return;
    into = range_of(part, key, parts.train.last, source);
    parts.train.last = into.first;
  };
  take(spec.test, "test", parts.test);
  take(spec.validation, "validation", parts.validation);
  return parts;
}

}  // namespace neurons
