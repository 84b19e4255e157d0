#include "neurons/plan/lay_out.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "neurons/graph/rewrite.hpp"

namespace neurons {
namespace {

using Layouts = std::map<int, Layout>;  ///< by state id

bool is_state(const Graph& graph, int id) { return id >= 0 && graph.info(id).kind == ValueKind::state; }

/// Layouts that the store has fixed, then those that ops ask for, first come first served.
Layouts choose_layouts(const Graph& graph, const StateStore& store) {
  Layouts layouts;
  const auto open = [&](int id) { return is_state(graph, id) && !layouts.contains(id) && !store.is_bound(graph.info(id).name); };
  for (std::size_t id = 0; id < graph.values().size(); ++id) {
    if (!is_state(graph, static_cast<int>(id))) continue;
    if (const auto& layout = store.layout(graph.values()[id].name)) layouts.emplace(static_cast<int>(id), *layout);
  }
  for (const Node& node : graph.nodes()) {
    if (!node.op->wants_layout) continue;
    const NodeContext context(graph, node);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!open(node.inputs[i])) continue;
      if (const auto layout = node.op->wants_layout(context.context, i)) layouts.emplace(node.inputs[i], *layout);
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (const Node& node : graph.nodes()) {
      if (!node.op->elementwise) continue;
      for (const int leader : node.inputs) {
        const auto layout = layouts.find(leader);
        if (layout == layouts.end()) continue;
        for (const int follower : node.inputs) {
          if (!open(follower) || graph.info(follower).type != graph.info(leader).type) continue;
          layouts.emplace(follower, layout->second);
          changed = true;
        }
      }
    }
  }
  return layouts;
}

Value emit_layout(Graph& graph, const std::string& op, const Layout& layout, Value value) {
  return graph.emit(graph.table()->find(op), {value}, layout.options);
}

/// States become their stored form, unpacked for reading and packed for assigning.
Graph use_stored_forms(const Graph& graph, const Layouts& layouts) {
  Rebuild rebuild(graph);
  Graph& result = rebuild.graph();
  std::map<int, Value> stored;
  for (const auto& [id, layout] : layouts) {
    const ValueInfo& info = graph.info(id);
    const OpDef& pack = result.table()->find(layout.pack);
    const InferContext infer{pack, layout.options, std::span(&info.type, 1), {true}};
    const Value state = result.state(info.name, pack.infer(infer).front());
    stored.emplace(id, state);
    rebuild.map(id, emit_layout(result, layout.unpack, layout, state));
  }
  rebuild.copy_signature();
  for (const Node& node : graph.nodes()) rebuild.copy(node);
  for (const auto& output : graph.outputs()) result.output(output.name, rebuild(output.value));
  for (const auto& assignment : graph.assignments()) {
    const auto layout = layouts.find(assignment.state);
    if (layout == layouts.end()) {
      result.assign(rebuild(assignment.state), rebuild(assignment.value));
    } else {
      result.assign(stored.at(assignment.state),
                    emit_layout(result, layout->second.pack, layout->second, rebuild(assignment.value)));
    }
  }
  return std::move(result);
}

/// The layout whose unpack op computes `value`, if any.
std::optional<Layout> layout_of(const Graph& graph, const Value& value, const std::vector<Layout>& known) {
  const int node = value ? graph.info(value.id()).node : -1;
  if (node < 0) return std::nullopt;
  for (const Layout& layout : known) {
    if (graph.node(node).op->name == layout.unpack && graph.node(node).options == layout.options) return layout;
  }
  return std::nullopt;
}

/// Elementwise ops on unpacked states work on the packed ones: f(unpack(a), b) = unpack(f(a, pack(b))). Not so where an operand is
/// of another type: a counter (Dropout's step) means that the result depends on where an element is.
Graph commute(const Graph& graph, const std::vector<Layout>& known) {
  return rewrite(graph, [&](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    if (!context.op.elementwise || context.inputs.empty()) return std::nullopt;
    std::optional<Layout> layout;
    TensorType type;
    for (const Value& value : context.inputs) {
      if (layout) break;
      layout = layout_of(context.graph, value, known);
      if (layout) type = value.type();
    }
    if (!layout) return std::nullopt;
    const bool permutes = context.graph.table()->find(layout->pack).permutes_axes;
    std::vector<Value> inputs;
    for (const Value& value : context.inputs) {
      const bool follows = permutes && value && value.shape().rank() == type.shape.rank();
      if (follows || (value && value.type() == type)) {
        inputs.push_back(emit_layout(context.graph, layout->pack, *layout, value));
      } else if (value && value.type().dtype == type.dtype && value.shape().elements() == 1 &&
                 value.shape().rank() <= type.shape.rank()) {
        inputs.push_back(value);
      } else {
        return std::nullopt;
      }
    }
    std::vector<Value> outputs = context.graph.emit_all(context.op, inputs, context.options, context.name);
    for (Value& output : outputs) {
      if (output.type().dtype != DType::f32) return std::nullopt;
      output = emit_layout(context.graph, layout->unpack, *layout, output);
    }
    return outputs;
  });
}

/// A value that is packed somewhere is computed packed; whoever wants it plain unpacks it.
Graph share_packed(const Graph& graph, const std::vector<Layout>& known) {
  std::map<int, Layout> wanted;
  for (const Node& node : graph.nodes()) {
    for (const Layout& layout : known) {
      if (node.op->name == layout.pack && node.options == layout.options) wanted.emplace(node.inputs[0], layout);
    }
  }
  Rebuild rebuild(graph);
  rebuild.copy_signature();
  for (const Node& node : graph.nodes()) {
    rebuild.copy(node);
    for (const int id : node.outputs) {
      const auto layout = wanted.find(id);
      if (layout == wanted.end()) continue;
      const Value packed = emit_layout(rebuild.graph(), layout->second.pack, layout->second, rebuild(id));
      rebuild.map(id, emit_layout(rebuild.graph(), layout->second.unpack, layout->second, packed));
    }
  }
  return rebuild.finish();
}

}  // namespace

Graph lay_out(const Graph& graph, StateStore& store) {
  const Layouts layouts = choose_layouts(graph, store);
  std::vector<Layout> known;
  const auto learn = [&](const Layout& layout) {
    if (std::ranges::find(known, layout) == known.end()) known.push_back(layout);
  };
  for (const auto& [id, layout] : layouts) {
    const std::string& name = graph.info(id).name;
    if (store.layout(name) != layout) store.lay_out(name, layout);
    learn(layout);
  }
  Graph result = simplify(use_stored_forms(graph, layouts));
  for (std::size_t nodes = 0; nodes != result.nodes().size();) {  // each round moves packing past one more op
    nodes = result.nodes().size();
    for (const Node& node : result.nodes()) {
      if (!node.op->unpacks.empty()) learn({node.op->unpacks, node.op->name, node.options});
    }
    result = simplify(commute(result, known));
  }
  return simplify(share_packed(result, known));
}

}  // namespace neurons
