#pragma once
/// Where in an array of samples a value lies, in words.

#include <string>
#include <vector>

#include "neurons/tensor/shape.hpp"

namespace neurons {

/// Of element `flat`: "sample 3 (from 0), column petal_width", "sample 3 (from 0), element [0, 5, 7]".
std::string place_of_value(std::size_t flat, const Shape& shape, const std::vector<std::string>& column_names = {});

}  // namespace neurons
