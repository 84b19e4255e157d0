#include "neurons/formats/onnx/variants.hpp"

#include "neurons/base/error.hpp"

namespace neurons::onnx {

std::vector<std::int64_t> column(const std::vector<std::vector<std::int64_t>>& lists, std::size_t index) {
  std::vector<std::int64_t> result;
  for (const auto& list : lists) result.push_back(list[index]);
  return result;
}

void Variants::require(bool same, const std::string& where) const {
  if (same) return;
  fail_input("{} is another for each number of {}, which a file of ONNX cannot say", where,
             open_axes() > 1 ? "steps" : "samples in a batch");
}

std::optional<Variants::Multiple> Variants::multiple(const std::vector<std::int64_t>& values) const {
  for (unsigned chosen = 0; chosen < 1U << open_axes(); ++chosen) {
    Multiple found;
    for (std::size_t axis = 0; axis < open_axes(); ++axis) {
      if ((chosen >> axis & 1U) != 0) found.axes.push_back(axis);
    }
    const auto product = [&](std::size_t variant) {
      std::int64_t result = 1;
      for (const std::size_t axis : found.axes) result *= all_[variant].open[axis];
      return result;
    };
    found.times = values[0] / product(0);
    std::size_t equal = 0;
    while (equal < values.size() && values[equal] == found.times * product(equal)) ++equal;
    if (equal == values.size()) return found;
  }
  return std::nullopt;
}

}  // namespace neurons::onnx
