#pragma once
/// Parameters that are trained in a way of their own.

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "neurons/base/number_check.hpp"
#include "neurons/layers/network.hpp"

namespace neurons {

/// Parameters whose names match `pattern` (as in Network::freeze) train with their own rate and decay. The first match counts.
struct ParameterGroup {
  std::string pattern;
  double rate_factor = 1.0;
  std::optional<double> weight_decay;  ///< in place of the optimiser's

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("pattern", self.pattern);
    visit("rate_factor", self.rate_factor);
    visit("weight_decay", self.weight_decay);
  }
};

/// The group of a parameter, counted from 1; 0: none.
std::size_t group_of(std::span<const ParameterGroup> groups, const std::string& parameter);

/// Refuses the first group that has no parameter of the network: its pattern matches none, or the groups before it take them all.
/// The key is "groups[1].pattern".
void check_groups(std::span<const ParameterGroup> groups, const Network& network, NumberCheck& check);

}  // namespace neurons
