#include "neurons/ops/common/panels.hpp"

namespace neurons::ops {
namespace {

/// Calls visit(index in panels, index in plain [inputs][outputs]) for every weight.
template <typename Visit>
void for_each_weight(const PanelOptions& options, Visit visit) {
  const std::int64_t width = options.shape().width();
  for (std::int64_t n = 0; n < options.outputs; ++n) {
    for (std::int64_t k = 0; k < options.inputs; ++k) {
      visit(static_cast<std::size_t>((n / width * options.inputs + k) * width + n % width),
            static_cast<std::size_t>(k * options.outputs + n));
    }
  }
}

}  // namespace

const Node* producer(const Value& value) {
  if (!value) return nullptr;
  const int node = value.graph().info(value.id()).node;
  return node < 0 ? nullptr : &value.graph().node(node);
}

PanelOptions weight_options(std::int64_t inputs, std::int64_t outputs, bool transposed, std::int64_t channels) {
  return {inputs, outputs, transposed, channels, kernels::weight_panels(inputs, outputs).by_output};
}

std::optional<Unpacked> unpacked(const Value& value) {
  const Node* node = producer(value);
  if (node == nullptr || node->op->name != "UnpackPanels") return std::nullopt;
  return Unpacked{value.graph().value(node->inputs[0]), node->options.as<PanelOptions>()};
}

std::vector<double> plain_from_panels(const PanelOptions& options, const std::vector<double>& panels) {
  std::vector<double> plain(static_cast<std::size_t>(options.inputs * options.outputs));
  for_each_weight(options, [&](std::size_t packed, std::size_t place) { plain[place] = panels[packed]; });
  return plain;
}

std::vector<double> panels_from_plain(const PanelOptions& options, const std::vector<double>& plain) {
  std::vector<double> panels(static_cast<std::size_t>(options.shape().elements()), 0.0);
  for_each_weight(options, [&](std::size_t packed, std::size_t place) { panels[packed] = plain[place]; });
  return panels;
}

}  // namespace neurons::ops
