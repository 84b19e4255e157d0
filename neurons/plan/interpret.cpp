#include "neurons/plan/interpret.hpp"

#include <limits>

#include "neurons/graph/rewrite.hpp"

namespace neurons {

namespace {

ReferenceTensor empty(const TensorType& type) {
  return {type, std::vector<double>(static_cast<std::size_t>(type.shape.elements()), std::numeric_limits<double>::quiet_NaN())};
}

/// One node by its decomposition: a little graph of its own.
void run_decomposed(const Graph& graph, const Node& node, const std::vector<const ReferenceTensor*>& inputs,
                    std::vector<ReferenceTensor>& outputs) {
  Graph small(graph.table());
  std::vector<Value> values;
  ReferenceValues given;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) {
      values.emplace_back();
      continue;
    }
    const std::string name = "in" + std::to_string(i);
    values.push_back(small.input(name, inputs[i]->type));
    given.emplace(name, *inputs[i]);
  }
  const auto results = node.op->decompose({small, *node.op, node.options, values, node.name});
  const auto all = interpret(small, given);
  for (std::size_t o = 0; o < outputs.size(); ++o) outputs[o] = all[static_cast<std::size_t>(results[o].id())];
}

}  // namespace

std::vector<ReferenceTensor> interpret(const Graph& graph, const ReferenceValues& given) {
  std::vector<ReferenceTensor> values(graph.values().size());
  for (std::size_t id = 0; id < values.size(); ++id) {
    const ValueInfo& info = graph.values()[id];
    if (info.kind == ValueKind::constant) values[id] = widen(*info.constant);
    if (info.kind != ValueKind::input && info.kind != ValueKind::state) continue;
    const auto found = given.find(info.name);
    if (found == given.end()) fail_input("interpret: no value for \"{}\"", info.name);
    if (static_cast<std::int64_t>(found->second.data.size()) != info.type.shape.elements()) {
      fail_input("interpret: \"{}\" is {}, got {} numbers", info.name, info.type.to_string(), found->second.data.size());
    }
    values[id] = found->second;
    values[id].type = info.type;
  }
  for (const Node& node : graph.nodes()) {
    std::vector<const ReferenceTensor*> inputs;
    for (const int id : node.inputs) inputs.push_back(id < 0 ? nullptr : &values[static_cast<std::size_t>(id)]);
    std::vector<ReferenceTensor> outputs;
    for (const int id : node.outputs) outputs.push_back(empty(graph.info(id).type));
    if (node.op->reference) {
      node.op->reference({node.options, inputs, outputs});
    } else if (node.op->decompose) {
      run_decomposed(graph, node, inputs, outputs);
    } else {
      fail_input("interpret: {} has neither reference nor decomposition", node.op->name);
    }
    for (std::size_t o = 0; o < outputs.size(); ++o) values[static_cast<std::size_t>(node.outputs[o])] = std::move(outputs[o]);
  }
  return values;
}

}  // namespace neurons
