// Sequences of tensors: lists that are known when the model is imported, and gone in its graph.

#include <algorithm>

#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;

constexpr std::int64_t kMostItems = 1 << 16;

/// The place that an input names among `count`, from the end where it is negative.
std::size_t item_place(const NodeContext& node, std::size_t index, std::int64_t count) {
  const std::int64_t given = node.whole(index, "position");
  const std::int64_t place = given < 0 ? given + count : given;
  if (place < 0 || place >= count) node.fail(fmt::format("position {} is outside of a sequence of {}", given, count));
  return static_cast<std::size_t>(place);
}

Outputs sequence_construct(const NodeContext& node) { return {node.sequence(node.inputs)}; }

Outputs sequence_empty(const NodeContext& node) { return {node.sequence({})}; }

Outputs sequence_at(const NodeContext& node) {
  const std::vector<Value>& items = node.items(0);
  return {items[item_place(node, 1, std::ssize(items))]};
}

Outputs sequence_length(const NodeContext& node) {
  return {node.constant(Tensor::of<std::int64_t>({}, std::vector<std::int64_t>{std::ssize(node.items(0))}))};
}

Outputs sequence_insert(const NodeContext& node) {
  std::vector<Value> items = node.items(0);
  const std::int64_t count = std::ssize(items);
  std::int64_t place = count;
  if (node.has(2)) {  // behind the last one is a place, too
    const std::int64_t given = node.whole(2, "position");
    place = given < 0 ? given + count : given;
    if (place < 0 || place > count) node.fail(fmt::format("position {} is outside of a sequence of {}", given, count));
  }
  items.insert(items.begin() + place, node.input(1));
  return {node.sequence(std::move(items))};
}

Outputs sequence_erase(const NodeContext& node) {
  std::vector<Value> items = node.items(0);
  if (items.empty()) node.fail("takes an item out of an empty sequence");
  items.erase(items.begin() +
              (node.has(1) ? static_cast<std::ptrdiff_t>(item_place(node, 1, std::ssize(items))) : std::ssize(items) - 1));
  return {node.sequence(std::move(items))};
}

/// Parts of the extents that are said, of one extent (the last may be smaller), or of 1, whose axis then may go.
Outputs split_to_sequence(const NodeContext& node) {
  const Value x = node.input(0);
  const std::int64_t axis = x.shape().normalized_axis(node.integer("axis", 0));
  const std::int64_t extent = x.shape()[static_cast<int>(axis)];
  std::vector<std::int64_t> parts;
  if (node.has(1) && node.input(1).shape().rank() > 0) {
    parts = node.integers(1, "parts");
  } else {
    const std::int64_t part = node.has(1) ? node.whole(1, "part") : 1;
    if (part < 1) node.fail(fmt::format("parts of {} have no end", part));
    if (extent / part > kMostItems) node.fail(fmt::format("{} parts are too many", extent / part));
    for (std::int64_t start = 0; start < extent; start += part) parts.push_back(std::min(part, extent - start));
  }
  if (parts.empty()) return {node.sequence({})};
  std::vector<Value> items = node.emit_all("Split", {x}, {{"axis", axis}, {"split", parts}});
  if (!node.has(1) && node.integer("keepdims", 1) == 0) {
    for (Value& item : items) item = node.emit("Squeeze", {item}, {{"axes", std::vector<std::int64_t>{axis}}});
  }
  return {node.sequence(std::move(items))};
}

Outputs concat_from_sequence(const NodeContext& node) {
  std::vector<Value> items = node.items(0);
  if (items.empty()) node.fail("joins no tensors");
  const bool apart = node.integer("new_axis", 0) != 0;
  const std::int64_t given = node.integer("axis", 0);
  const std::int64_t rank = items.front().shape().rank() + (apart ? 1 : 0);
  const std::int64_t axis = given < 0 ? given + rank : given;
  if (apart) {
    for (Value& item : items) item = node.emit("Unsqueeze", {item}, {{"axes", std::vector<std::int64_t>{axis}}});
  }
  return {node.emit("Concat", items, {{"axis", axis}})};
}

/// The body once for each item; tensors among the inputs are the same each time.
Outputs sequence_map(const NodeContext& node) {
  const std::size_t count = node.items(0).size();
  std::vector<std::vector<Value>> results(node.node.outputs.size());
  for (std::size_t step = 0; step < count; ++step) {
    std::vector<Value> given;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.is_sequence(i) && node.items(i).size() != count) node.fail("goes through sequences of several lengths");
      given.push_back(node.is_sequence(i) ? node.items(i)[step] : node.inputs[i]);
    }
    const std::vector<Value> outputs = node.run(node.body("body"), given);
    for (std::size_t i = 0; i < results.size() && i < outputs.size(); ++i) results[i].push_back(outputs[i]);
  }
  Outputs sequences;
  for (std::vector<Value>& result : results) sequences.push_back(node.sequence(std::move(result)));
  return sequences;
}

Outputs identity(const NodeContext& node) {
  if (node.is_sequence(0)) return {node.inputs[0]};
  return node.as_it_is();
}

}  // namespace

void add_sequence_rules(Rules& rules) {
  rules["SequenceConstruct"] = sequence_construct;
  rules["SequenceEmpty"] = sequence_empty;
  rules["SequenceAt"] = sequence_at;
  rules["SequenceLength"] = sequence_length;
  rules["SequenceInsert"] = sequence_insert;
  rules["SequenceErase"] = sequence_erase;
  rules["SplitToSequence"] = split_to_sequence;
  rules["ConcatFromSequence"] = concat_from_sequence;
  rules["SequenceMap"] = sequence_map;
  rules["Identity"] = identity;
}

}  // namespace neurons::onnx
