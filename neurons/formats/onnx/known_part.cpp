#include "neurons/formats/onnx/known_part.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "neurons/formats/onnx/edit.hpp"
#include "neurons/formats/onnx/operators.hpp"

namespace neurons::onnx {
namespace {

/// Takes away all but what the values are computed from.
void keep_behind(GraphData& graph, const std::set<std::string>& values) {
  const auto kept = [&](const std::string& name) { return values.contains(name); };
  std::erase_if(graph.nodes, [&](const NodeData& node) { return std::ranges::none_of(node.outputs, kept); });
  std::erase_if(graph.initializers, [&](const TensorData& data) { return !kept(data.name); });
}

}  // namespace

Model known_part(Model model, const OpTable& table, const std::string& wanted) {
  if (unknown_operators(model, table).empty()) return model;
  std::set<std::string> behind;
  std::vector<ValueData> outputs;
  std::string left_out;
  for (const ValueData& output : model.graph.outputs) {
    Model part = model;
    const std::set<std::string> values = values_behind(model.graph, output.name);
    keep_behind(part.graph, values);
    const std::string fault = unknown_operators(part, table);
    if (fault.empty()) {
      outputs.push_back(output);
      behind.insert(values.begin(), values.end());
    } else if (output.name == wanted) {
      return model;
    } else {
      left_out += fmt::format("{}the output \"{}\" is left out: it {}", left_out.empty() ? "" : "; ", output.name, fault);
    }
  }
  if (outputs.empty()) return model;
  keep_behind(model.graph, behind);
  model.graph.outputs = std::move(outputs);
  model.left_out = std::move(left_out);
  return model;
}

}  // namespace neurons::onnx
