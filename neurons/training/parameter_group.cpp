#include "neurons/training/parameter_group.hpp"

#include <algorithm>
#include <vector>

#include "neurons/layers/parameter_pattern.hpp"

namespace neurons {

std::size_t group_of(std::span<const ParameterGroup> groups, const std::string& parameter) {
  const auto found = std::ranges::find_if(groups, [&](const auto& group) { return matches_pattern(group.pattern, parameter); });
  return found == groups.end() ? 0 : static_cast<std::size_t>(found - groups.begin()) + 1;
}

void check_groups(std::span<const ParameterGroup> groups, const Network& network, NumberCheck& check) {
  std::vector<std::string> names;
  for (const auto& [name, type] : network.parameter_types()) names.push_back(name);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::string& pattern = groups[i].pattern;
    const auto is_own = [&](const std::string& name) { return group_of(groups, name) == i + 1; };
    if (std::ranges::any_of(names, is_own)) continue;
    const std::string key = fmt::format("groups[{}].pattern", i);
    const auto match = std::ranges::find_if(names, [&](const std::string& name) { return matches_pattern(pattern, name); });
    if (match == names.end()) {
      check.refuse(key, fmt::format("= \"{}\" matches no parameter{}", pattern, nearest_parameters(pattern, names)));
    } else {
      check.refuse(key,
                   fmt::format("= \"{}\": no parameter is left for it, since \"{}\" before it takes {}; the first match counts",
                               pattern, groups[group_of(groups, *match) - 1].pattern, *match));
    }
  }
}

}  // namespace neurons
