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
  std::vector<std::int64_t> both = axes_of(graph, pads, "pads", axes, 0);
  both.insert(both.end(), both.begin(), both.begin() + axes);
  return {"pads", both};
}

std::vector<std::int64_t> axes_of(const Graph& graph, const Extents& extents, const char* what, int axes, std::int64_t least) {
  return extents.for_axes(graph.scope() + ": " + what, axes, least, least);
}

}  // namespace neurons
