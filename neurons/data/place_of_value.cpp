#include "neurons/data/place_of_value.hpp"

#include <fmt/format.h>

namespace neurons {

std::string place_of_value(std::size_t flat, const Shape& shape, const std::vector<std::string>& column_names) {
  const auto width = static_cast<std::size_t>(shape.product(1, shape.rank()));
  const std::string sample = fmt::format("sample {} (from 0)", flat / width);
  const std::size_t within = flat % width;
  if (shape.rank() == 1) return sample;
  if (shape.rank() == 2 && within < column_names.size()) return fmt::format("{}, column {}", sample, column_names[within]);
  if (shape.rank() == 2) return fmt::format("{}, column {}", sample, within);
  const auto strides = shape.strides();
  std::string element;
  for (int axis = 1; axis < shape.rank(); ++axis) {
    const std::int64_t index = static_cast<std::int64_t>(within) / strides[static_cast<std::size_t>(axis)] % shape[axis];
    element += fmt::format("{}{}", axis > 1 ? ", " : "", index);
  }
  return fmt::format("{}, element [{}]", sample, element);
}

}  // namespace neurons
