#include "neurons/layers/padded_inputs.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "neurons/base/at.hpp"
#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

/// The inputs that can be masks, and the axes of a sample.
std::map<int, int> possible_masks(const Network& network) {
  std::map<int, int> masks;
  for (std::size_t c = 0, input = 0; c < network.calls().size(); ++c) {
    if (network.calls()[c].layer >= 0) continue;
    const Network::Input& one = network.inputs()[input++];
    if (one.dtype != DType::f32) masks.emplace(static_cast<int>(c), one.sample.rank());
  }
  return masks;
}

bool takes_mask(const Network& network, const Network::Call& call) {
  return call.layer >= 0 && network.layers()[at(call.layer)].layer.takes_mask();
}

/// The calls whose steps an input tells of, and that input: the first mask is of the last sequence before it, the second, if there
/// are two, of the one before that.
std::vector<PaddedInput> masked_sequences(const Network& network, const std::vector<Value>& values,
                                          const std::map<int, int>& masks) {
  std::vector<PaddedInput> found;
  for (const Network::Call& call : network.calls()) {
    if (!takes_mask(network, call)) continue;
    const auto& from = call.from;
    std::size_t first = from.size();
    while (first > (from.size() + 1) / 2 && is_step_mask(values[at(from[first - 1])])) --first;
    for (std::size_t i = first; i < from.size(); ++i) {
      const auto mask = masks.find(from[i]);
      // A mask of pairs is of one sequence's steps where this looks at itself.
      const bool known = mask != masks.end() && (mask->second < 2 || from.size() == 2);
      if (known) found.push_back({from[2 * first - 1 - i], from[i]});
    }
  }
  return found;
}

}  // namespace

std::vector<PaddedInput> padded_inputs(const Network& network) {
  const std::map<int, int> masks = possible_masks(network);
  const bool any = std::ranges::any_of(network.calls(), [&](const Network::Call& call) {
    return takes_mask(network, call) && std::ranges::any_of(call.from, [&](int from) { return masks.contains(from); });
  });
  if (!any) return {};
  Graph graph(network.table());
  const std::vector<Value> values = network.build_as_given(graph, 1);
  std::vector<PaddedInput> found;
  for (const auto& [sequence, mask] : masked_sequences(network, values, masks)) {
    std::vector<int> waiting{sequence};
    const std::int64_t time = values[at(sequence)].shape()[1];
    std::set<int> seen;
    while (!waiting.empty()) {
      const int next = waiting.back();
      waiting.pop_back();
      const Value& value = values[at(next)];
      const bool steps = value.type().dtype == DType::f32 && value.shape().rank() == 3 && value.shape()[1] == time;
      if (!steps || !seen.insert(next).second) continue;
      const Network::Call& call = network.calls()[at(next)];
      if (call.layer < 0 && std::ranges::find(found, next, &PaddedInput::call) == found.end()) found.push_back({next, mask});
      if (takes_mask(network, call)) {
        waiting.push_back(call.from.front());  // what it looks at besides has steps of its own
      } else {
        waiting.insert(waiting.end(), call.from.begin(), call.from.end());
      }
    }
  }
  return found;
}

}  // namespace neurons
