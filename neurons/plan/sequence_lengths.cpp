#include "neurons/plan/sequence_lengths.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

/// Inputs of ONNX's RNN, GRU and LSTM.
constexpr std::size_t kX = 0;
constexpr std::size_t kLengths = 4;
/// ONNX's op that makes a mask of lengths: the numbers of all steps, compared with them.
constexpr std::string_view kMakesMask = "Less";

bool is_whole(DType dtype) { return dtype == DType::i32 || dtype == DType::i64; }

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
  return graph.info(node.inputs[kX]).type.shape[batch_first ? 1 : 0];
}

template <typename T>
void require_within(const std::string& name, std::span<const T> lengths, std::int64_t steps) {
  const auto bad = std::ranges::find_if(lengths, [&](T length) { return length < 0 || length > steps; });
  if (bad == lengths.end()) return;
  fail_input("{}: sequence {} (from 0) has length {}, but the data has {} steps; expected 0 to {}", name, bad - lengths.begin(),
             *bad, steps, steps);
}

/// Steps that `node` reads by the lengths of its input `index`, or nothing.
struct Reader {
  std::size_t index = 0;
  std::int64_t steps = 0;
};
std::optional<Reader> reader_of(const Graph& graph, const Node& node) {
  const auto given = [&](std::size_t index) { return node.inputs.size() > index && node.inputs[index] >= 0; };
  if (!node.op->remembers.empty() && given(kLengths)) return Reader{kLengths, steps_of(graph, node)};
  if (node.op->name != kMakesMask) return std::nullopt;
  const ValueInfo& steps = graph.info(node.inputs[0]);
  const bool counts = steps.kind == ValueKind::constant && steps.type.shape.elements() > 1 && is_whole(steps.type.dtype);
  if (!counts) return std::nullopt;
  const Tensor numbers = steps.constant->cast(DType::i64);
  for (std::int64_t next = 0; const std::int64_t number : numbers.values<std::int64_t>()) {
    if (number != next++) return std::nullopt;
  }
  return Reader{1, numbers.elements()};
}

}  // namespace

std::vector<SequenceLengths> sequence_lengths(const Graph& graph) {
  std::vector<SequenceLengths> found;
  for (const Node& node : graph.nodes()) {
    const auto reader = reader_of(graph, node);
    if (!reader) continue;
    const ValueInfo& origin = graph.info(origin_of(graph, node.inputs[reader->index]));
    if (origin.kind != ValueKind::input || !is_whole(origin.type.dtype)) continue;
    const auto known = std::ranges::find(found, origin.name, &SequenceLengths::name);
    if (known == found.end()) {
      found.push_back({origin.name, reader->steps});
    } else {
      known->steps = std::min(known->steps, reader->steps);
    }
  }
  return found;
}

void SequenceLengths::require(const TensorView& values) const {
  if (values.dtype == DType::i64) {
    require_within<std::int64_t>(name, values.values<std::int64_t>(), steps);
  } else {
    require_within<std::int32_t>(name, values.values<std::int32_t>(), steps);
  }
}

}  // namespace neurons
