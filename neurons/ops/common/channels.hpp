#pragma once
/// Images with their channels last: how plans keep them. ONNX has them first.

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

/// [batch, channels, spatial…] to [batch, spatial…, channels], and back: ToChannelsLast and ToChannelsFirst nodes, which cancel one
/// another and move past elementwise ops.
Value to_channels_last(Value value);
Value to_channels_first(Value value);

/// Rows that are images of `channels` channels, [batch, channels · pixels]: the same pixel by pixel, [batch, pixels · channels],
/// and back. 0 channels: as they are.
Value rows_channels_last(Value rows, std::int64_t channels);
Value rows_channels_first(Value rows, std::int64_t channels);

/// The axes over which a channel's values are spread, channels first: 0, 2, 3, …
std::vector<std::int64_t> all_but_channels(int rank);

/// Where axis `axis` of a value of that rank is when the channels are last.
std::int64_t axis_channels_last(std::int64_t axis, int rank);
/// The channels-last value that `value` is brought to channels first from; the absent value if it does not come from one.
Value before_channels_first(const Value& value);

/// The axis before of each axis after `last` ? ToChannelsLast : ToChannelsFirst of `rank` axes.
std::vector<std::int64_t> channels_order(int rank, bool last);

/// What they make of a shape.
Shape channels_last(const Shape& shape);
Shape channels_first(const Shape& shape);

}  // namespace neurons::ops
