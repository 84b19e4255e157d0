#include "neurons/formats/c/known_values.hpp"

#include <algorithm>

namespace neurons::c {

KnownValues::KnownValues(const Graph& graph) : graph_(graph), known_(graph.values().size()) {
  for (std::size_t id = 0; id < known_.size(); ++id) known_[id] = graph.values()[id].kind == ValueKind::constant;
  for (const Node& node : graph.nodes()) {
    const bool all = std::ranges::all_of(node.inputs, [&](int id) { return id < 0 || has(id); });
    for (const int id : node.outputs) known_[static_cast<std::size_t>(id)] = all;
  }
}

const Tensor& KnownValues::operator[](int id) {
  const ValueInfo& info = graph_.info(id);
  if (info.kind == ValueKind::constant) return *info.constant;
  if (const auto found = computed_.find(id); found != computed_.end()) return found->second;
  const Node& node = graph_.node(info.node);
  if (!has(id)) fail_input("{}: does not depend on constants alone", describe(node));
  const bool same_bits = node.op->view && graph_.info(node.inputs[0]).type.dtype == info.type.dtype;
  if (same_bits) return computed_.emplace(id, (*this)[node.inputs[0]].reshaped(info.type.shape)).first->second;
  if (!node.op->reference) fail_input("{}: has no reference", describe(node));
  std::vector<ReferenceTensor> inputs;
  for (const int input : node.inputs) inputs.push_back(input < 0 ? ReferenceTensor{} : widen((*this)[input]));
  std::vector<const ReferenceTensor*> pointers;
  for (std::size_t i = 0; i < inputs.size(); ++i) pointers.push_back(node.inputs[i] < 0 ? nullptr : &inputs[i]);
  std::vector<ReferenceTensor> outputs;
  for (const int output : node.outputs) {
    const TensorType& type = graph_.info(output).type;
    outputs.push_back({type, std::vector<double>(static_cast<std::size_t>(type.shape.elements()))});
  }
  node.op->reference({node.options, pointers, outputs});
  for (std::size_t i = 0; i < outputs.size(); ++i) computed_.insert_or_assign(node.outputs[i], narrow(outputs[i]));
  return computed_.at(id);
}

}  // namespace neurons::c
