#include "neurons/layers/step_graph.hpp"

#include "neurons/base/error.hpp"

namespace neurons {

Network with_time(const Network& network, std::int64_t time, const std::function<Layer(const Layer&)>& change) {
  Network result(network.table());
  std::vector<Network::Tap> taps;
  std::vector<bool> called(network.layers().size());
  for (const Network::Call& call : network.calls()) {
    if (call.layer < 0) {
      const Network::Input& input = network.inputs()[result.inputs().size()];
      const bool is_first = result.inputs().empty();
      taps.push_back(result.input(input.name, is_first ? input.sample.with(0, time) : input.sample, input.dtype));
      continue;
    }
    const auto layer = static_cast<std::size_t>(call.layer);
    std::vector<Network::Tap> from;
    for (const int index : call.from) from.push_back(taps[static_cast<std::size_t>(index)]);
    const auto& [name, kind] = network.layers()[layer];
    taps.push_back(called[layer] ? result.share(name, from) : result.add(change ? change(kind) : kind, from, name));
    called[layer] = true;
  }
  const Network::Output& output = network.outputs().front();
  result.output(output.name, taps[static_cast<std::size_t>(output.call)]);
  return result;
}

CarriedGraph step_graph(const Network& network) {
  if (network.inputs().size() != 1 || network.inputs().front().sample.rank() < 1) {
    fail_input("stream: expects a network with one input [time, …]");
  }
  Graph whole(network.table());
  with_time(network, 1).build(whole, 1, Mode::inference);
  return carry_state(whole, "stream");
}

}  // namespace neurons
