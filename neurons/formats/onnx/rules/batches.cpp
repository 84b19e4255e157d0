// What a file says for the batch that it was written for, where another one is wanted.

#include <algorithm>
#include <array>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;

/// The axis of a shape, written for one batch, that holds it, where x has another: the first in which the two part if x has the
/// batch there; else the only one that is the batch; else the first.
std::size_t batch_axis(const std::vector<std::int64_t>& shape, const Shape& x, const ImportOptions::Batch& batch) {
  std::size_t parting = 0;
  const auto rank = static_cast<std::size_t>(x.rank());
  while (parting < std::min(shape.size(), rank) && (shape[parting] == 0 || shape[parting] == x[static_cast<int>(parting)]))
    ++parting;
  const bool has_it = parting < std::min(shape.size(), rank) && x[static_cast<int>(parting)] == batch.wanted;
  if (has_it && shape[parting] % batch.written == 0) return parting;
  const auto one = std::ranges::find(shape, batch.written);
  return std::ranges::count(shape, batch.written) == 1 ? static_cast<std::size_t>(one - shape.begin()) : 0;
}

/// The batch that a shape was written for becomes the one that is imported.
Outputs reshape(const NodeContext& node) {
  if (!node.options().batch || node.options().batch->written < 1 || !node.has(1)) return node.as_it_is();
  std::vector<std::int64_t> shape = node.integers(1, "shape");
  const auto [wanted, written] = *node.options().batch;
  std::int64_t product = 1;
  bool open = false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    open = open || shape[i] < 0;
    const bool kept = shape[i] == 0 && static_cast<int>(i) < node.input(0).shape().rank();
    const std::int64_t extent = kept ? node.input(0).shape()[static_cast<int>(i)] : shape[i];
    if (__builtin_mul_overflow(product, extent, &product)) node.fail("the shape has no end");
  }
  const Shape& x = node.input(0).shape();
  const bool misfits = !open && !shape.empty() && product != x.elements() && product / written * wanted == x.elements();
  if (misfits) {
    std::int64_t& extent = shape[batch_axis(shape, x, *node.options().batch)];
    if (extent % written == 0) extent = extent / written * wanted;
  } else if (open && written != wanted) {  // what is open would swallow the batch
    const auto one = std::ranges::find(shape, written);
    const auto place = one - shape.begin();
    const bool sure = place == 0 || std::ranges::count(shape, written) == 1;
    if (sure && place < std::min<std::ptrdiff_t>(std::ssize(shape), x.rank()) && x[static_cast<int>(place)] == wanted)
      *one = wanted;
  }
  NodeContext changed = node;
  changed.inputs[1] = node.integers_constant(shape);
  return changed.as_it_is();
}

/// What stands in the file for one sample, for each sample of the batch. It is no constant even where it is known, as a constant of
/// another extent for each batch could not be written again.
Value for_each_sample(const NodeContext& node, Value value, int axis) {
  const auto& batch = node.options().batch;
  if (!batch || value.shape().rank() <= axis || value.shape()[axis] != 1 || batch->wanted == 1) return value;
  const Shape wide = value.shape().with(axis, batch->wanted);
  const OpDef& expand = node.graph().table()->find("Expand");
  const std::vector<std::int64_t> extents(wide.extents().begin(), wide.extents().end());
  return node.graph().emit_all(expand, std::array{value}, expand.default_options.with({{"shape", extents}}), node.name).front();
}

/// Expanded to the batch that the file was written for.
Outputs expand(const NodeContext& node) {
  const auto& batch = node.options().batch;
  if (!batch || batch->written < 1 || batch->written == batch->wanted || node.known(1) == nullptr) return node.as_it_is();
  std::vector<std::int64_t> shape = node.integers(1, "shape");
  const Shape& x = node.input(0).shape();
  const bool is_batch = !shape.empty() && shape.front() == batch->written &&
                        (x.rank() < std::ssize(shape) || (x.rank() == std::ssize(shape) && (x[0] == 1 || x[0] == batch->wanted)));
  if (!is_batch) return node.as_it_is();
  shape.front() = batch->wanted;
  NodeContext changed = node;
  changed.inputs[1] = node.integers_constant(shape);
  return changed.as_it_is();
}

/// A token of one sample beside values of a whole batch. Before opset 4 the axis was 1 unless given.
Outputs concat(const NodeContext& node) {
  constexpr std::int64_t kAxisIsRequired = 4;
  if (node.node.attributes.empty()) {
    if (node.opset >= kAxisIsRequired) node.fail("has no attribute axis, which it needs since opset 4");
    return node.as_it_is({{"axis", std::int64_t{1}}});
  }
  const auto is_batch = [&](const Value& value) {
    return value && value.shape().rank() > 0 && value.shape()[0] == node.options().batch->wanted;
  };
  if (!node.options().batch || !node.has(0) || std::ranges::none_of(node.inputs, is_batch)) return node.as_it_is();
  const std::int64_t axis = node.integer("axis", 1);
  if (axis == 0 || axis == -node.input(0).shape().rank()) return node.as_it_is();
  NodeContext wide = node;
  for (Value& input : wide.inputs) {
    if (input) input = for_each_sample(node, input, 0);
  }
  return wide.as_it_is();
}

/// First states, and lengths, of one sample.
Outputs recurrent(const NodeContext& node) {
  constexpr std::size_t kLengths = 4;
  constexpr std::array<std::size_t, 2> kStates = {5, 6};
  const int axis = node.integer("layout", 0) != 0 ? 0 : 1;
  const bool whole = node.has(0) && node.options().batch && node.input(0).shape().rank() > axis &&
                     node.input(0).shape()[axis] == node.options().batch->wanted;
  if (!whole) return node.as_it_is();
  NodeContext wide = node;
  if (node.has(kLengths)) wide.inputs[kLengths] = for_each_sample(node, node.input(kLengths), 0);
  for (const std::size_t state : kStates) {
    if (node.has(state)) wide.inputs[state] = for_each_sample(node, node.input(state), axis);
  }
  return wide.as_it_is();
}

}  // namespace

void add_batch_rules(Rules& rules) {
  rules["Reshape"] = reshape;
  rules["Concat"] = concat;
  rules["Expand"] = expand;
  for (const char* name : {"RNN", "GRU", "LSTM"}) rules[name] = recurrent;
}

}  // namespace neurons::onnx
