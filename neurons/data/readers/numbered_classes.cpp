#include "neurons/data/readers/numbered_classes.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "neurons/base/error.hpp"

namespace neurons {

void name_numbered_classes(Dataset& train, Dataset& test) {
  constexpr std::size_t kMostForEach = 4;  // labels that do occur
  constexpr std::size_t kMostMissing = 10;
  const std::int64_t classes = std::max(train.classes(), test.classes());
  std::set<std::int64_t> seen;
  for (const Dataset* part : {&train, &test}) {
    if (!part->is_classification()) continue;
    const auto labels = part->targets.values<std::int64_t>();
    std::ranges::copy_if(labels, std::inserter(seen, seen.end()), [](std::int64_t label) { return label != kIgnoredLabel; });
  }
  const auto count = static_cast<std::size_t>(classes);
  if (count > kMostForEach * seen.size() && count > seen.size() + kMostMissing) {
    const Dataset& part = train.classes() == classes ? train : test;
    const auto labels = part.targets.values<std::int64_t>();
    fail_input(
        "{}: label {} of sample {} (from 0) is out of range: only {} different labels occur; mend it, or number the classes from 0",
        part.source, classes - 1, std::ranges::find(labels, classes - 1) - labels.begin(), seen.size());
  }
  if (train.samples() == 0 && test.samples() > 0) fail_input("{}: holds no sample to learn from", train.source);
  if (test.is_classification() && train.is_classification() && test.classes() > train.classes()) {
    const auto labels = test.targets.values<std::int64_t>();
    fail_input(
        "{}: label {} of sample {} (from 0) occurs in no training sample, whose labels go up to {}; leave it out, or train with "
        "such samples",
        test.source, classes - 1, std::ranges::find(labels, classes - 1) - labels.begin(), train.classes() - 1);
  }
  for (std::int64_t label = 0; label < classes; ++label) train.class_names.push_back(std::to_string(label));
  if (test.samples() > 0) test.class_names = train.class_names;
}

}  // namespace neurons
