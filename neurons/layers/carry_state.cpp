#include "neurons/layers/carry_state.hpp"

#include <algorithm>

#include "neurons/base/error.hpp"
#include "neurons/graph/rewrite.hpp"

namespace neurons {
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

std::string unused_name(const Graph& graph, const std::string& wish, std::string_view suffix) {
  std::string name = fmt::format("{}{}", wish, suffix);
  for (int number = 2; graph.has(name); ++number) name = fmt::format("{}{}{}", wish, number, suffix);
  return name;
}

void require_forward(const RewriteContext& context, std::string_view purpose) {
  for (const Attribute& attribute : context.options.attributes()) {
    if (attribute.name == "direction" && attribute.value != AttributeValue(std::string("forward"))) {
      fail_input("{}: {} goes backward in time, so its first step needs the last", purpose, context.name);
    }
  }
}

void require_zeros(const RewriteContext& context, const Value& initial, std::string_view purpose) {
  if (!initial) return;
  const auto& constant = context.graph.info(initial.id()).constant;
  const auto is_zero = [](float value) { return value == 0; };
  if (constant && constant->dtype() == DType::f32 && std::ranges::all_of(constant->values<float>(), is_zero)) return;
  fail_input("{}: {} begins with a state that the network itself gives it, not with zeros", purpose, context.name);
}

}  // namespace

CarriedGraph carry_state(const Graph& graph, std::string_view purpose, std::string_view suffix) {
  std::vector<std::string> memory;
  const auto carry = [&](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const auto& pairs = context.op.remembers;
    if (pairs.empty()) return std::nullopt;
    require_forward(context, purpose);
    std::vector<Value> inputs(context.inputs.begin(), context.inputs.end());
    inputs.resize(context.op.maximum_inputs);  // absent ones at the end are left out
    const auto types = types_of_outputs(context, inputs);
    for (const auto& [output, input] : pairs) {
      require_zeros(context, inputs[input], purpose);
      const std::string wish = fmt::format("{}.{}", context.name, output == pairs.front().first ? "hidden" : "cells");
      memory.push_back(unused_name(context.graph, wish, suffix));
      inputs[input] = context.graph.state(memory.back(), types[output]);
    }
    const auto outputs = context.graph.emit_all(context.op, inputs, context.options, context.name);
    for (const auto& [output, input] : pairs) context.graph.assign(inputs[input], outputs[output]);
    return outputs;
  };
  Graph carried = rewrite(fold_constants(graph), carry);  // zeros may have been computed
  if (memory.empty()) {
    fail_input("{}: the network has no recurrent layer, so it remembers nothing from step to step", purpose);
  }
  return {std::move(carried), std::move(memory)};
}

}  // namespace neurons
