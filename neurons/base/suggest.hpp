#pragma once
/// "did you mean …?": the known name nearest to one that is not known.

#include <span>
#include <string>
#include <string_view>

namespace neurons {

/// The element of `known` with the smallest edit distance to `name`, whatever their case, or an empty string where none is near
/// (distance above a third of the name's length, at least 2, or no letter in common).
std::string nearest_name(std::string_view name, std::span<const std::string> known);

/// `; did you mean "relu"?`, or an empty string where no known name is near.
std::string did_you_mean(std::string_view name, std::span<const std::string> known);

/// The same, but where no name is near and there are at most 24: "; known are adam, lion, sgd".
std::string nearest_or_all(std::string_view name, std::span<const std::string> known);

}  // namespace neurons
