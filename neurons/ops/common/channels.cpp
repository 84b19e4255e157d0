#include "neurons/ops/common/channels.hpp"

#include "neurons/ops/common/panels.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

Shape reordered(const Shape& shape, bool last) {
  std::vector<std::int64_t> extents;
  for (const std::int64_t axis : channels_order(shape.rank(), last)) extents.push_back(shape[static_cast<int>(axis)]);
  return Shape(std::span<const std::int64_t>(extents));
}

}  // namespace

std::vector<std::int64_t> channels_order(int rank, bool last) {
  std::vector<std::int64_t> axes{0};
  if (!last) axes.push_back(rank - 1);
  for (std::int64_t axis = last ? 2 : 1; axis < (last ? rank : rank - 1); ++axis) axes.push_back(axis);
  if (last) axes.push_back(1);
  return axes;
}

Value to_channels_last(Value value) { return value.graph().emit("ToChannelsLast", {value}); }
Value to_channels_first(Value value) { return value.graph().emit("ToChannelsFirst", {value}); }
Value rows_channels_last(Value rows, std::int64_t channels) {
  if (channels == 0) return rows;
  const Shape shape = rows.shape();
  return reshaped(to_channels_last(reshaped(rows, {shape[0], channels, shape[1] / channels})), shape);
}
Value rows_channels_first(Value rows, std::int64_t channels) {
  if (channels == 0) return rows;
  const Shape shape = rows.shape();
  return reshaped(to_channels_first(reshaped(rows, {shape[0], shape[1] / channels, channels})), shape);
}
std::vector<std::int64_t> all_but_channels(int rank) {
  std::vector<std::int64_t> axes{0};
  for (std::int64_t axis = 2; axis < rank; ++axis) axes.push_back(axis);
  return axes;
}
std::int64_t axis_channels_last(std::int64_t axis, int rank) {
  if (axis < 0) axis += rank;
  return axis == 0 ? 0 : axis == 1 ? rank - 1 : axis - 1;
}
Value before_channels_first(const Value& value) {
  const Node* node = producer(value);
  return node != nullptr && node->op->name == "ToChannelsFirst" ? value.graph().value(node->inputs[0]) : Value{};
}
Shape channels_last(const Shape& shape) { return reordered(shape, true); }
Shape channels_first(const Shape& shape) { return reordered(shape, false); }

}  // namespace neurons::ops
