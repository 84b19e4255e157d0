#include "neurons/training/sequence_lengths.hpp"

#include <algorithm>

#include "neurons/base/error.hpp"
#include "neurons/ops/common/recurrent.hpp"

namespace neurons {
namespace {

/// The value of which `id` is another form.
int origin_of(const Graph& graph, int id) {
  for (;;) {
    const ValueInfo& info = graph.info(id);
    if (info.kind != ValueKind::computed) return id;
    const Node& node = graph.node(info.node);
    const std::string& op = node.op->name;
    if (op != "Cast" && op != "Identity" && op != "Reshape" && op != "Squeeze" && op != "Unsqueeze") return id;
    id = node.inputs.front();
  }
}

/// Of an RNN, GRU or LSTM.
std::int64_t steps_of(const Graph& graph, const Node& node) {
  const Attributes attributes = node.options.attributes();
  const auto layout = std::ranges::find(attributes, std::string("layout"), &Attribute::name);
  const bool batch_first = layout != attributes.end() && layout->value == AttributeValue(std::int64_t{1});
  return graph.info(node.inputs[ops::kX]).type.shape[batch_first ? 1 : 0];
}

template <typename T>
void require_within(const std::string& name, std::span<const T> lengths, std::int64_t steps) {
  const auto bad = std::ranges::find_if(lengths, [&](T length) { return length < 0 || length > steps; });
  if (bad == lengths.end()) return;
  fail_input("{}: sequence {} (from 0) has length {}, but the data has {} steps; expected 0 to {}", name, bad - lengths.begin(),
             *bad, steps, steps);
}

}  // namespace

SequenceLengths::SequenceLengths(const Graph& graph, const Plan& plan, int slot) {
  for (const Node& node : graph.nodes()) {
    if (node.op->remembers.empty() || node.inputs.size() <= ops::kLengths || node.inputs[ops::kLengths] < 0) continue;
    const ValueInfo& origin = graph.info(origin_of(graph, node.inputs[ops::kLengths]));
    const bool whole = origin.type.dtype == DType::i32 || origin.type.dtype == DType::i64;
    if (origin.kind != ValueKind::input || !whole) continue;
    const std::int64_t steps = steps_of(graph, node);
    const auto known = std::ranges::find(inputs_, origin.name, &Input::name);
    if (known == inputs_.end()) {
      inputs_.push_back({origin.name, steps, plan.input(origin.name, slot)});
    } else {
      known->steps = std::min(known->steps, steps);
    }
  }
}

void SequenceLengths::require() const {
  for (const Input& input : inputs_) {
    if (input.values.dtype == DType::i64) {
      require_within<std::int64_t>(input.name, input.values.values<std::int64_t>(), input.steps);
    } else {
      require_within<std::int32_t>(input.name, input.values.values<std::int32_t>(), input.steps);
    }
  }
}

}  // namespace neurons
