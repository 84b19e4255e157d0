#include "neurons/layers/parameter_pattern.hpp"

#include <fnmatch.h>

#include <vector>

#include "neurons/base/suggest.hpp"

namespace neurons {

bool matches_pattern(const std::string& pattern, const std::string& parameter) {
  return ::fnmatch(pattern.c_str(), parameter.c_str(), 0) == 0;
}

std::string nearest_parameters(const std::string& pattern, std::span<const std::string> parameters) {
  std::vector<std::string> good(parameters.begin(), parameters.end());
  for (const std::string& name : parameters) {
    for (auto dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      good.push_back(name.substr(0, dot) + ".*");
      good.push_back("*" + name.substr(dot));
    }
  }
  const std::string hint = did_you_mean(pattern, good);
  return hint.empty() ? nearest_or_all(pattern, parameters) : hint;
}

}  // namespace neurons
