#include "neurons/data/readers/numbered_classes.hpp"

#include <algorithm>
#include <set>

#include "neurons/base/error.hpp"

namespace neurons {

void name_numbered_classes(Dataset& train, Dataset& test) {
  constexpr std::size_t kMostForEach = 10;
  const std::int64_t classes = std::max(train.classes(), test.classes());
  std::set<std::int64_t> seen;
  for (const Dataset* part : {&train, &test}) {
    if (!part->is_classification()) continue;
    const auto labels = part->targets.values<std::int64_t>();
    seen.insert(labels.begin(), labels.end());
  }
  if (static_cast<std::size_t>(classes) > kMostForEach * seen.size()) {
    const Dataset& part = train.classes() == classes ? train : test;
    const auto labels = part.targets.values<std::int64_t>();
    fail_input(
        "{}: label {} of sample {} (from 0) is out of range: only {} different labels occur; mend it, or number the classes from 0",
        part.source, classes - 1, std::ranges::find(labels, classes - 1) - labels.begin(), seen.size());
  }
  for (std::int64_t label = 0; label < classes; ++label) train.class_names.push_back(std::to_string(label));
  if (test.samples() > 0) test.class_names = train.class_names;
}

}  // namespace neurons
