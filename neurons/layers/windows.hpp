#pragma once
/// What layers with windows over spatial axes share.

#include <cstdint>
#include <string>
#include <vector>

#include "neurons/layers/extents.hpp"
#include "neurons/layers/layer.hpp"

namespace neurons {

/// How a window meets the border of its input.
namespace Padding {
inline constexpr const char* valid = "valid";  ///< only where it fits: the result is smaller
inline constexpr const char* same = "same";  ///< zeros around the input, as many results as strides fit it (more zeros at the end)
}  // namespace Padding

/// The layer's input, if it is [batch, channels, spatial…] with that many spatial axes. Throws InputError if not.
Value image_input(BuildContext& context, const std::vector<Value>& inputs, int axes);

/// ONNX's name of a padding. Throws InputError for unknown ones.
std::string auto_pad_of(const Graph& graph, const std::string& padding);

/// ONNX's attribute for the border: `pads` at the ends of each axis, or `padding` where there are none. Throws InputError for
/// both.
Attribute border_of(const Graph& graph, const std::string& padding, const Extents& pads, int axes);

/// Throws InputError where windows of `kernel` places, `dilation` apart (none: neighbours), are larger than x and its border.
void require_room(const Graph& graph, Value x, const std::vector<std::int64_t>& kernel, const std::vector<std::int64_t>& dilation,
                  const Attribute& border);

/// `extents`, called `what` in messages, for each axis; at least `least`, which is the default, too.
std::vector<std::int64_t> axes_of(const Graph& graph, const Extents& extents, const char* what, int axes, std::int64_t least);

}  // namespace neurons
