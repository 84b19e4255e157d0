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
  require_least(what, least);
  return values_.size() == 1 ? std::vector<std::int64_t>(count, values_.front()) : values_;
}

std::vector<std::int64_t> Extents::for_ends(std::string_view what, int axes) const {
  const auto count = static_cast<std::size_t>(axes);
  if (values_.size() == 2 * count) {
    require_least(what, 0);
    return values_;
  }
  if (values_.size() > 1 && values_.size() != count) {
    fail_input("{} = [{}]: expected one number, {}{} (all begins, then all ends)", what, fmt::join(values_, ", "),
               axes == 1 ? "or " : fmt::format("{} (one for each spatial axis) or ", axes), 2 * axes);
  }
  const std::vector<std::int64_t> begins = for_axes(what, axes, 0, 0);
  std::vector<std::int64_t> ends = begins;
  ends.insert(ends.end(), begins.begin(), begins.end());
  return ends;
}

void Extents::require_least(std::string_view what, std::int64_t least) const {
  for (const std::int64_t value : values_) {
    if (value < least) fail_input("{} = {} must be at least {}", what, value, least);
  }
}

bool Extents::from_attribute(const AttributeValue& value) {
  if (const auto* one = std::get_if<std::int64_t>(&value)) return values_ = {*one}, true;
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) return values_ = *list, true;
  return false;
}

}  // namespace neurons
