#include "neurons/layers/windows.hpp"

#include <array>

#include "neurons/layers/emit.hpp"

namespace neurons {

Value image_input(BuildContext& context, const std::vector<Value>& inputs, int axes) {
  static constexpr std::array<const char*, 3> kAxisNames = {"length", "height, width", "depth, height, width"};
  const Value x = single_input(context, inputs);
  if (x.shape().rank() != axes + 2) {
    const bool no_channels = x.shape().rank() == axes + 1;
    fail_input("{}: expects [batch, channels, {}], got {}{}", context.graph().scope(),
               kAxisNames[static_cast<std::size_t>(axes - 1)], x.shape().to_string(),
               no_channels ? "; add a Reshape with one channel before it" : "");
  }
  return x;
}

std::string auto_pad_of(const Graph& graph, const std::string& padding) {
  if (padding == Padding::same) return "SAME_UPPER";
  if (padding == Padding::valid) return "VALID";
  fail_input("{}: padding = \"{}\", expected \"valid\" or \"same\"", graph.scope(), padding);
}

Attribute border_of(const Graph& graph, const std::string& padding, const Extents& pads, int axes) {
  if (pads.empty()) return {"auto_pad", auto_pad_of(graph, padding)};
  if (padding != Padding::valid) fail_input("{}: give either padding = \"{}\" or pads, not both", graph.scope(), padding);
  return {"pads", pads.for_ends(graph.scope() + ": pads", axes)};
}

void require_room(const Graph& graph, Value x, const std::vector<std::int64_t>& kernel, const std::vector<std::int64_t>& dilation,
                  const Attribute& border) {
  const auto* word = std::get_if<std::string>(&border.value);
  if (word != nullptr && *word != "VALID") return;
  const auto* pads = std::get_if<std::vector<std::int64_t>>(&border.value);
  for (std::size_t i = 0; i < kernel.size(); ++i) {
    const std::int64_t input = x.shape()[static_cast<int>(i) + 2];
    const double padding = pads == nullptr ? 0 : static_cast<double>((*pads)[i]) + static_cast<double>((*pads)[i + kernel.size()]);
    const double apart = dilation.empty() ? 1 : static_cast<double>(dilation[i]);
    const double span = static_cast<double>(kernel[i] - 1) * apart + 1;  // exact up to 2^53: far beyond what fits
    if (span <= static_cast<double>(input) + padding) continue;
    fail_input(
        "{}: a window that spans {} does not fit into {} places and {} of padding, on spatial axis {}; make it smaller, or give {}",
        graph.scope(), span, input, padding, i, pads == nullptr ? "padding = \"same\"" : "more pads");
  }
}

std::vector<std::int64_t> axes_of(const Graph& graph, const Extents& extents, const char* what, int axes, std::int64_t least) {
  return extents.for_axes(graph.scope() + ": " + what, axes, least, least);
}

}  // namespace neurons
