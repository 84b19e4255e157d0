#include "neurons/layers/extents.hpp"

#include <fmt/ranges.h>

#include "neurons/base/error.hpp"

namespace neurons {

std::vector<std::int64_t> Extents::for_axes(std::string_view what, int axes, std::int64_t least, std::int64_t fallback) const {
  const auto count = static_cast<std::size_t>(axes);
  if (values_.empty()) return std::vector<std::int64_t>(count, fallback);
  if (values_.size() != 1 && values_.size() != count) {
    fail_input("{} = [{}]: expected one number, or {} (one for each spatial axis)", what, fmt::join(values_, ", "), axes);
  }
  for (const std::int64_t value : values_) {
    if (value < least) fail_input("{} = {} must be at least {}", what, value, least);
  }
  return values_.size() == 1 ? std::vector<std::int64_t>(count, values_.front()) : values_;
}

bool Extents::from_attribute(const AttributeValue& value) {
  if (const auto* one = std::get_if<std::int64_t>(&value)) return values_ = {*one}, true;
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) return values_ = *list, true;
  return false;
}

}  // namespace neurons
