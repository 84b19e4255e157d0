#include "neurons/graph/rewrite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "neurons/graph/print.hpp"

namespace neurons {

Rebuild::Rebuild(const Graph& source) : source_(&source), graph_(source.table()), map_(source.values().size()) {}

Value Rebuild::operator()(int old_id) {
  if (old_id < 0) return {};
  Value& value = map_[static_cast<std::size_t>(old_id)];
  if (!value) {
    const ValueInfo& info = source_->info(old_id);
    if (info.kind == ValueKind::computed) fail_input("rewrite: value %{} is used before it is computed", old_id);
    value = info.kind == ValueKind::input   ? graph_.input(info.name, info.type)
            : info.kind == ValueKind::state ? graph_.state(info.name, info.type)
                                            : graph_.constant(*info.constant, info.name);
  }
  return value;
}

std::vector<Value> Rebuild::inputs(const Node& node) {
  std::vector<Value> result;
  for (const int id : node.inputs) result.push_back((*this)(id));
  return result;
}

void Rebuild::copy(const Node& node) {
  const auto outputs = graph_.emit_all(*node.op, inputs(node), node.options, node.name);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    map(node.outputs[i], outputs[i]);
    const std::string& name = source_->info(node.outputs[i]).name;
    if (!name.empty() && !graph_.has(name)) graph_.rename(outputs[i], name);
  }
}

void Rebuild::copy_signature() {
  for (std::size_t id = 0; id < source_->values().size(); ++id) {
    const ValueKind kind = source_->values()[id].kind;
    if (kind == ValueKind::input || kind == ValueKind::state) (*this)(static_cast<int>(id));
  }
}

Graph Rebuild::finish() {
  for (const auto& output : source_->outputs()) graph_.output(output.name, (*this)(output.value));
  for (const auto& assignment : source_->assignments()) graph_.assign((*this)(assignment.state), (*this)(assignment.value));
  return std::move(graph_);
}

Graph rewrite(const Graph& graph, const NodeRule& rule) {
  Rebuild rebuild(graph);
  rebuild.copy_signature();
  for (const Node& node : graph.nodes()) {
    const auto inputs = rebuild.inputs(node);
    rebuild.graph().set_scope(node.name);  // what the rule makes is still part of that layer
    const auto replaced = rule({rebuild.graph(), *node.op, node.options, inputs, node.name});
    if (!replaced) {
      rebuild.copy(node);
      continue;
    }
    if (replaced->size() != node.outputs.size()) {
      fail_input("{}: has {} output(s), its replacement {}", describe(node), node.outputs.size(), replaced->size());
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const TensorType& type = graph.info(node.outputs[i]).type;
      const Value& value = (*replaced)[i];
      if (value.type() != type) {
        fail_input("{}: is {}, its replacement {}", describe(node), type.to_string(), value.type().to_string());
      }
      rebuild.map(node.outputs[i], value);
    }
  }
  rebuild.graph().set_scope("");
  return rebuild.finish();
}

Graph remove_dead_nodes(const Graph& graph) {
  std::vector<bool> live(graph.values().size(), false);
  const auto mark = [&](int id) {
    if (id >= 0) live[static_cast<std::size_t>(id)] = true;
  };
  for (const auto& output : graph.outputs()) mark(output.value);
  for (const auto& assignment : graph.assignments()) mark(assignment.value);
  std::vector<bool> kept(graph.nodes().size(), false);
  for (std::size_t n = graph.nodes().size(); n-- > 0;) {
    const Node& node = graph.nodes()[n];
    kept[n] = std::ranges::any_of(node.outputs, [&](int id) { return live[static_cast<std::size_t>(id)]; });
    if (kept[n]) std::ranges::for_each(node.inputs, mark);
  }
  Rebuild rebuild(graph);
  rebuild.copy_signature();
  for (std::size_t n = 0; n < kept.size(); ++n) {
    if (kept[n]) rebuild.copy(graph.nodes()[n]);
  }
  return rebuild.finish();
}

Graph merge_equal_nodes(const Graph& graph) {
  using Key = std::tuple<const OpDef*, std::string, std::vector<int>>;
  /// Nodes of one key: options that print alike may still differ (large tensors print by type alone).
  std::map<Key, std::vector<std::pair<Options, std::vector<Value>>>> seen;
  std::map<std::string, Value> constants;
  Rebuild rebuild(graph);
  rebuild.copy_signature();
  for (std::size_t id = 0; id < graph.values().size(); ++id) {
    const ValueInfo& info = graph.values()[id];
    if (info.kind != ValueKind::constant || !info.name.empty() || info.constant->elements() > 8) continue;
    const auto bytes = info.constant->bytes();
    const std::string key = info.type.to_string() + std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto [place, added] = constants.emplace(key, Value{});
    if (added) place->second = rebuild(static_cast<int>(id));
    rebuild.map(static_cast<int>(id), place->second);
  }
  for (const Node& node : graph.nodes()) {
    std::vector<int> ids;
    for (const Value& value : rebuild.inputs(node)) ids.push_back(value ? value.id() : -1);
    auto& alike = seen[Key{node.op, node.options.to_string(), ids}];
    const auto equal = std::ranges::find(alike, node.options, &std::pair<Options, std::vector<Value>>::first);
    if (equal != alike.end()) {
      for (std::size_t i = 0; i < node.outputs.size(); ++i) rebuild.map(node.outputs[i], equal->second[i]);
      continue;
    }
    rebuild.copy(node);
    std::vector<Value> outputs;
    for (const int id : node.outputs) outputs.push_back(rebuild(id));
    alike.emplace_back(node.options, std::move(outputs));
  }
  return rebuild.finish();
}

namespace {

/// Whether double precision holds every number of an integer tensor: beyond 2^53, or the type's own range, only the kernels do.
bool is_exact(const ReferenceTensor& tensor) {
  if (tensor.type.dtype == DType::u8)
    return std::ranges::all_of(tensor.data, [](double value) { return value >= 0 && value < 256; });
  if (tensor.type.dtype != DType::i64 && tensor.type.dtype != DType::i32) return true;
  const double limit = tensor.type.dtype == DType::i64 ? 0x1p53 : 0x1p31;
  return std::ranges::all_of(tensor.data, [limit](double value) { return value > -limit && value < limit; });
}

}  // namespace

Graph fold_constants(const Graph& graph, std::int64_t limit) {
  return rewrite(graph, [&](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    if (!context.op.reference || context.op.internal || context.inputs.empty()) return std::nullopt;
    std::vector<ReferenceTensor> inputs;
    std::vector<TensorType> types;
    for (const Value& value : context.inputs) {
      if (!value || context.graph.info(value.id()).kind != ValueKind::constant) return std::nullopt;
      types.push_back(value.type());
    }
    const InferContext infer{context.op, context.options, types, std::vector<bool>(types.size(), true)};
    std::vector<ReferenceTensor> outputs;
    for (const TensorType& type : context.op.infer(infer)) {
      if (type.shape.elements() > limit) return std::nullopt;
      outputs.push_back({type, std::vector<double>(static_cast<std::size_t>(type.shape.elements()))});
    }
    for (const Value& value : context.inputs) {
      inputs.push_back(widen(*context.graph.info(value.id()).constant));
      if (!is_exact(inputs.back())) return std::nullopt;
    }
    std::vector<const ReferenceTensor*> pointers;
    for (const auto& input : inputs) pointers.push_back(&input);
    context.op.reference({context.options, pointers, outputs});
    if (!std::ranges::all_of(outputs, is_exact)) return std::nullopt;
    std::vector<Value> constants;
    for (const auto& output : outputs) constants.push_back(context.graph.constant(narrow(output)));
    return constants;
  });
}

Graph simplify(const Graph& graph) {
  const NodeRule rule = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    return context.op.simplify ? context.op.simplify(context) : std::nullopt;
  };
  Graph current = remove_dead_nodes(graph);
  for (std::string before; before != to_string(current);) {
    before = to_string(current);
    current = remove_dead_nodes(merge_equal_nodes(fold_constants(rewrite(current, rule))));
  }
  return current;
}

Graph decompose(const Graph& graph, const std::function<bool(const OpDef&)>& accept) {
  bool again = false;
  Graph result = rewrite(graph, [&](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    if (accept(context.op)) return std::nullopt;
    if (!context.op.decompose) {
      fail_input("{}{}: has no decomposition", context.name.empty() ? "" : context.name + ": ", context.op.name);
    }
    again = true;
    return context.op.decompose(context);
  });
  return again ? decompose(result, accept) : result;
}

}  // namespace neurons
