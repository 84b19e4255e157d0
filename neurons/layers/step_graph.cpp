#include "neurons/layers/step_graph.hpp"

#include "neurons/graph/rewrite.hpp"

namespace neurons {

Network with_time(const Network& network, std::int64_t time) {
  Network result(network.table());
  std::vector<Network::Tap> taps;
  std::vector<bool> called(network.layers().size());
  for (const Network::Call& call : network.calls()) {
    if (call.layer < 0) {
      const Network::Input& input = network.inputs().front();
      taps.push_back(result.input(input.name, input.sample.with(0, time), input.dtype));
      continue;
    }
    const auto layer = static_cast<std::size_t>(call.layer);
    std::vector<Network::Tap> from;
    for (const int index : call.from) from.push_back(taps[static_cast<std::size_t>(index)]);
    const auto& [name, kind] = network.layers()[layer];
    taps.push_back(called[layer] ? result.share(name, from) : result.add(kind, from, name));
    called[layer] = true;
  }
  const Network::Output& output = network.outputs().front();
  result.output(output.name, taps[static_cast<std::size_t>(output.call)]);
  return result;
}

namespace {

std::vector<TensorType> types_of_outputs(const RewriteContext& context, const std::vector<Value>& inputs) {
  std::vector<TensorType> types;
  std::vector<bool> present;
  for (const Value& input : inputs) {
    types.push_back(input ? input.type() : TensorType{});
    present.push_back(static_cast<bool>(input));
  }
  return context.op.infer({context.op, context.options, types, present});
}

std::string unused_name(const Graph& graph, const std::string& wish) {
  std::string name = wish;
  for (int number = 2; graph.has(name); ++number) name = wish + std::to_string(number);
  return name;
}

}  // namespace

StepGraph step_graph(const Network& network) {
  if (network.inputs().size() != 1 || network.inputs().front().sample.rank() < 1) {
    fail_input("stream: expects a network with one input [time, …]");
  }
  Graph whole(network.table());
  with_time(network, 1).build(whole, 1, Mode::inference);
  std::vector<std::string> memory;
  const auto remember = [&](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const auto& pairs = context.op.remembers;
    if (pairs.empty()) return std::nullopt;
    for (const Attribute& attribute : context.options.attributes()) {
      if (attribute.name == "direction" && attribute.value != AttributeValue(std::string("forward"))) {
        fail_input("stream: {} goes backward in time, so its first step needs the last", context.name);
      }
    }
    std::vector<Value> inputs(context.inputs.begin(), context.inputs.end());
    inputs.resize(context.op.maximum_inputs);  // absent ones at the end are left out
    const auto types = types_of_outputs(context, inputs);
    for (const auto& [output, input] : pairs) {
      memory.push_back(
          unused_name(context.graph, fmt::format("{}.{}", context.name, output == pairs.front().first ? "hidden" : "cells")));
      inputs[input] = context.graph.state(memory.back(), types[output]);
    }
    const auto outputs = context.graph.emit_all(context.op, inputs, context.options, context.name);
    for (const auto& [output, input] : pairs) context.graph.assign(inputs[input], outputs[output]);
    return outputs;
  };
  Graph graph = rewrite(whole, remember);
  if (memory.empty()) fail_input("stream: the network has no recurrent layer, so it remembers nothing from step to step");
  return {std::move(graph), std::move(memory)};
}

}  // namespace neurons
