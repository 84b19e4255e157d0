#pragma once
/// Patterns of parameter names, such as "*.bias" and "conv[12].weight".

#include <span>
#include <string>

namespace neurons {

/// Whether the name matches; `*`, `?` and `[…]` mean what they mean to a shell.
bool matches_pattern(const std::string& pattern, const std::string& parameter);

/// What to write instead of a pattern that matches none of the parameters: "; did you mean \"dense1.*\"?" where a name or such a
/// pattern is near, else their list if they are few.
std::string nearest_parameters(const std::string& pattern, std::span<const std::string> parameters);

}  // namespace neurons
