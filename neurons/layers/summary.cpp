#include "neurons/layers/summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace neurons {
namespace {

double flops_of(const Graph& graph, const Node& node) {
  const NodeContext context(graph, node);
  return node.op->flops ? node.op->flops(context.context)
                        : static_cast<double>(graph.info(node.outputs.front()).type.shape.elements());
}

/// 1234567 → "1,234,567".
std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3) digits.insert(static_cast<std::size_t>(i), ",");
  return digits;
}

/// How many elements of those parameters belong to each layer: to the one of the longest name with which the parameter's begins.
std::map<std::string, std::int64_t> elements_by_layer(const Network& network,
                                                      const std::vector<std::pair<std::string, TensorType>>& parameters) {
  std::map<std::string, std::int64_t> counts;
  for (const auto& [name, layer] : network.layers()) counts.emplace(name, 0);
  for (const auto& [name, type] : parameters) {
    for (std::size_t end = name.rfind('.'); end != std::string::npos && end > 0; end = name.rfind('.', end - 1)) {
      const auto owner = counts.find(name.substr(0, end));
      if (owner == counts.end()) continue;
      owner->second += type.shape.elements();
      break;
    }
  }
  return counts;
}

/// The nodes of a layer that brings a model of its own, each like a layer: [first, last] of the graph.
class NodeRows {
 public:
  NodeRows(const Graph& graph, const Network& network) : graph_(graph) {
    for (const auto& [name, type] : network.trained_parameters()) trained_.insert(name);
  }

  void add(std::size_t first, std::size_t last, std::vector<LayerSummary>& rows) {
    for (std::size_t n = first; n <= last; ++n) {
      const Node& node = graph_.node(static_cast<int>(n));
      LayerSummary& row = rows.emplace_back();
      const ValueInfo& output = graph_.info(node.outputs.front());
      row.name = node.name.empty() ? output.name : node.name;
      row.kind = node.op->name;
      const Shape& shape = output.type.shape;
      row.output = shape.rank() > 0 && shape[0] == 1 ? Shape(shape.extents().subspan(1)) : shape;
      row.flops = flops_of(graph_, node);
      for (const int input : node.inputs) {
        if (input >= 0) add_input(input, row);
      }
    }
  }

 private:
  void add_input(int id, LayerSummary& row) {
    const ValueInfo& input = graph_.info(id);
    if (input.kind == ValueKind::input) row.from.push_back(input.name);
    if (input.kind == ValueKind::computed) {
      const Node& maker = graph_.node(input.node);
      row.from.push_back(maker.name.empty() ? input.name : maker.name);
    }
    if (input.kind != ValueKind::state || !counted_.insert(input.name).second) return;
    row.parameters += input.type.shape.elements();
    if (trained_.contains(input.name)) row.trained += input.type.shape.elements();
  }

  const Graph& graph_;
  std::set<std::string> trained_;
  std::set<std::string> counted_;
};

}  // namespace

std::vector<LayerSummary> summarize(const Network& network) {
  Graph graph(network.table());
  const std::vector<Value> values = network.build(graph, 1, Mode::inference);
  std::vector<LayerSummary> result;
  std::vector<std::string> names;  // of each call
  std::set<int> seen;
  std::size_t next_input = 0;
  std::size_t next_node = 0;
  NodeRows nodes(graph, network);
  const auto parameters = elements_by_layer(network, network.parameter_types());
  const auto trained = elements_by_layer(network, network.trained_parameters());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Network::Call& call = network.calls()[i];
    if (call.layer < 0) {
      names.push_back(network.inputs()[next_input++].name);
      continue;
    }
    const Network::NamedLayer& layer = network.layers()[static_cast<std::size_t>(call.layer)];
    names.push_back(layer.name);
    if (layer.layer.names_parameters()) {
      const bool last = i + 1 == values.size();  // all other outputs of its model are its own, too
      const auto after = last ? graph.nodes().size() : static_cast<std::size_t>(graph.info(values[i].id()).node) + 1;
      if (after > next_node) nodes.add(next_node, after - 1, result);
      next_node = std::max(next_node, after);
      continue;
    }
    LayerSummary& summary = result.emplace_back();
    summary.name = layer.name;
    summary.kind = layer.layer.kind();
    for (const int from : call.from) summary.from.push_back(names[static_cast<std::size_t>(from)]);
    summary.output = Shape(values[i].shape().extents().subspan(1));
    // Nodes stand in the order of the calls: those up to this call's result are its own.
    const int last = graph.info(values[i].id()).node;
    for (; static_cast<int>(next_node) <= last; ++next_node) summary.flops += flops_of(graph, graph.nodes()[next_node]);
    if (!seen.insert(call.layer).second) continue;
    summary.parameters = parameters.at(layer.name);
    summary.trained = trained.at(layer.name);
  }
  return result;
}

std::string to_string(const std::vector<LayerSummary>& layers) {
  std::size_t name_width = 5;
  std::size_t kind_width = 13;
  std::size_t shape_width = 6;
  LayerSummary sum;
  for (const LayerSummary& layer : layers) {
    name_width = std::max(name_width, layer.name.size());
    kind_width = std::max(kind_width, layer.kind.size());
    shape_width = std::max(shape_width, layer.output.to_string().size());
    sum.parameters += layer.parameters;
    sum.trained += layer.trained;
    sum.flops += layer.flops;
  }
  std::string text = fmt::format("{:<{}}  {:<{}}  {:>{}}  {:>12}  {:>12}  {}\n", "layer", name_width, "kind", kind_width, "output",
                                 shape_width, "parameters", "FLOP/sample", "from");
  for (const LayerSummary& layer : layers) {
    text += fmt::format("{:<{}}  {:<{}}  {:>{}}  {:>12}  {:>12}  {}\n", layer.name, name_width, layer.kind, kind_width,
                        layer.output.to_string(), shape_width, grouped(layer.parameters),
                        grouped(static_cast<std::int64_t>(layer.flops)), fmt::join(layer.from, ", "));
  }
  text += fmt::format("{} layers, {} parameters", layers.size(), grouped(sum.parameters));
  if (sum.trained != sum.parameters) text += fmt::format(" ({} trained)", grouped(sum.trained));
  return text + fmt::format(", {:.4g} MFLOP per sample\n", sum.flops / 1e6);
}

}  // namespace neurons
