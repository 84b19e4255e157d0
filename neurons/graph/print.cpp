#include "neurons/graph/print.hpp"

#include <fmt/format.h>

namespace neurons {
namespace {

std::string label(const Graph& graph, int id) {
  if (id < 0) return "-";
  return graph.info(id).name.empty() ? fmt::format("%{}", id) : graph.info(id).name;
}

std::string labels(const Graph& graph, const std::vector<int>& ids) {
  std::string text;
  for (const int id : ids) text += (text.empty() ? "" : ", ") + label(graph, id);
  return text;
}

}  // namespace

std::string to_string(const Graph& graph) {
  std::string text;
  for (std::size_t id = 0; id < graph.values().size(); ++id) {
    const ValueInfo& value = graph.values()[id];
    const std::string name = label(graph, static_cast<int>(id));
    if (value.kind == ValueKind::input) text += fmt::format("input {} {}\n", name, value.type.to_string());
    if (value.kind == ValueKind::state) text += fmt::format("state {} {}\n", name, value.type.to_string());
    if (value.kind == ValueKind::constant)
      text += fmt::format("constant {} {}\n", name, to_string(AttributeValue(*value.constant)));
  }
  for (const Node& node : graph.nodes()) {
    std::string outputs;
    for (const int id : node.outputs) {
      outputs += fmt::format("{}{} {}", outputs.empty() ? "" : ", ", label(graph, id), graph.info(id).type.to_string());
    }
    const std::string options = node.options.to_string();
    text += fmt::format("{} = {}({}){}{}{}\n", outputs, node.op->name, labels(graph, node.inputs),
                        options.empty() ? "" : " {" + options + "}", node.name.empty() ? "" : "  # ", node.name);
  }
  for (const auto& output : graph.outputs()) text += fmt::format("output {} = {}\n", output.name, label(graph, output.value));
  for (const auto& assignment : graph.assignments()) {
    text += fmt::format("assign {} = {}\n", label(graph, assignment.state), label(graph, assignment.value));
  }
  return text;
}

std::string to_dot(const Graph& graph) {
  const auto quoted = [](std::string_view name) {
    std::string result;
    for (const char c : name) result += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    return result;
  };
  std::string text = "digraph neurons {\n  node [shape=box, fontname=\"sans-serif\"];\n";
  const auto source = [&](int id) {
    const ValueInfo& value = graph.info(id);
    return value.node >= 0 ? fmt::format("node{}", value.node) : fmt::format("value{}", id);
  };
  for (std::size_t id = 0; id < graph.values().size(); ++id) {
    const ValueInfo& value = graph.values()[id];
    if (value.kind == ValueKind::computed) continue;
    text += fmt::format("  value{} [shape=ellipse, label=\"{}\\n{}\"];\n", id, quoted(label(graph, static_cast<int>(id))),
                        value.type.to_string());
  }
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node& node = graph.nodes()[n];
    text +=
        fmt::format("  node{} [label=\"{}{}{}\"];\n", n, quoted(node.op->name), node.name.empty() ? "" : "\\n", quoted(node.name));
    for (const int id : node.inputs) {
      if (id >= 0) text += fmt::format("  {} -> node{} [label=\"{}\"];\n", source(id), n, graph.info(id).type.to_string());
    }
  }
  for (const auto& output : graph.outputs()) {
    text += fmt::format("  \"output {}\" [shape=ellipse];\n  {} -> \"output {}\";\n", quoted(output.name), source(output.value),
                        quoted(output.name));
  }
  return text + "}\n";
}

}  // namespace neurons
