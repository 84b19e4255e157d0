#include "neurons/layers/padded_inputs.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "neurons/base/at.hpp"

namespace neurons {
namespace {

bool is_input(const Network& network, int call) { return network.calls()[at(call)].layer < 0; }

/// The calls of layers that are given a mask which is an input of the network.
std::vector<const Network::Call*> masked_calls(const Network& network) {
  std::map<int, int> masks;  // calls, and the axes of a sample
  for (std::size_t c = 0, input = 0; c < network.calls().size(); ++c) {
    if (!is_input(network, static_cast<int>(c))) continue;
    const Network::Input& one = network.inputs()[input++];
    if (one.dtype != DType::f32) masks.emplace(static_cast<int>(c), one.sample.rank());
  }
  std::vector<const Network::Call*> found;
  for (const Network::Call& call : network.calls()) {
    if (call.layer < 0 || call.from.size() < 2 || !network.layers()[at(call.layer)].layer.takes_mask()) continue;
    const auto mask = masks.find(call.from.back());
    // A mask of pairs is of one sequence's steps where this looks at itself.
    if (mask != masks.end() && (mask->second < 2 || call.from.size() == 2)) found.push_back(&call);
  }
  return found;
}

}  // namespace

std::vector<PaddedInput> padded_inputs(const Network& network) {
  const auto masked = masked_calls(network);
  if (masked.empty()) return {};
  Graph graph(network.table());
  const std::vector<Value> values = network.build_as_given(graph, 1);
  std::vector<PaddedInput> found;
  for (const Network::Call* call : masked) {
    const int mask = call->from.back();
    std::vector<int> waiting{call->from[call->from.size() - 2]};
    const std::int64_t time = values[at(waiting.front())].shape()[1];
    std::set<int> seen;
    while (!waiting.empty()) {
      const int next = waiting.back();
      waiting.pop_back();
      const Value& value = values[at(next)];
      const bool steps = value.type().dtype == DType::f32 && value.shape().rank() == 3 && value.shape()[1] == time;
      if (!steps || !seen.insert(next).second) continue;
      const auto& from = network.calls()[at(next)].from;
      waiting.insert(waiting.end(), from.begin(), from.end());
      if (is_input(network, next) && std::ranges::find(found, next, &PaddedInput::call) == found.end())
        found.push_back({next, mask});
    }
  }
  return found;
}

}  // namespace neurons
