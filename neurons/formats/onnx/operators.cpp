#include "neurons/formats/onnx/operators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "neurons/formats/onnx/importer.hpp"
#include "neurons/formats/onnx/renaming.hpp"

namespace neurons::onnx {
namespace {

/// Walks through a model, through each function once.
class Collector {
 public:
  Collector(const Model& model, const OpTable& table) : model_(model), names_(table) {}

  void add(const std::vector<NodeData>& nodes) {
    for (const NodeData& node : nodes) {
      if (const FunctionData* function = find_function(model_, node)) {
        ++depth_;
        if (depth_ <= kDeepestCall && seen_.insert(function).second) add(function->nodes);
        --depth_;
      } else {
        OperatorUse& use = uses_[operator_of(node)];
        ++use.nodes;
        use.known = find_rule(node.domain, node.op_type) != nullptr || names_.find(node.domain, node.op_type) != nullptr;
      }
      for (const AttributeData& attribute : node.attributes) {
        if (attribute.graph) add(attribute.graph->nodes);
      }
    }
  }

  std::vector<OperatorUse> take() {
    std::vector<OperatorUse> result;
    for (auto& [name, use] : uses_) {
      use.name = name;
      result.push_back(std::move(use));
    }
    return result;
  }

 private:
  const Model& model_;
  const OpNames names_;
  int depth_ = 0;
  std::set<const FunctionData*> seen_;
  std::map<std::string, OperatorUse> uses_;
};

void bind(std::vector<NodeData>& nodes, const FunctionData& function, const NodeData& call);

/// Whether the attribute has a value for this call.
bool bind(AttributeData& attribute, const FunctionData& function, const NodeData& call) {
  if (attribute.graph) bind(own_body(attribute).nodes, function, call);
  if (attribute.of_function.empty()) return true;
  const AttributeData* value = call.attribute(attribute.of_function);
  if (value == nullptr) {
    const auto standard = std::ranges::find(function.defaults, attribute.of_function, &AttributeData::name);
    value = standard == function.defaults.end() ? nullptr : &*standard;
  }
  if (value == nullptr) return false;
  const std::string name = attribute.name;
  attribute = *value;
  attribute.name = name;
  return true;
}

void bind(std::vector<NodeData>& nodes, const FunctionData& function, const NodeData& call) {
  for (NodeData& node : nodes) {
    std::erase_if(node.attributes, [&](AttributeData& attribute) { return !bind(attribute, function, call); });
  }
}

}  // namespace

std::string operator_of(const NodeData& node) { return node.domain.empty() ? node.op_type : node.domain + "::" + node.op_type; }

std::string name_of(const NodeData& node) {
  if (!node.name.empty()) return node.name;
  const auto first = std::ranges::find_if(node.outputs, [](const std::string& output) { return !output.empty(); });
  return first == node.outputs.end() ? "" : *first;
}

const FunctionData* find_function(const Model& model, const NodeData& node) {
  const auto found = std::ranges::find_if(model.functions, [&](const FunctionData& function) {
    return function.name == node.op_type && function.domain == node.domain && function.overload == node.overload;
  });
  return found == model.functions.end() ? nullptr : &*found;
}

std::vector<NodeData> body_of(const FunctionData& function, const NodeData& call) {
  std::vector<NodeData> nodes = function.nodes;
  bind(nodes, function, call);
  return nodes;
}

std::vector<OperatorUse> operators_of(const Model& model, const OpTable& table) {
  Collector collector(model, table);
  collector.add(model.graph.nodes);
  return collector.take();
}

std::string unknown_operators(const Model& model, const OpTable& table) {
  std::string list;
  for (const OperatorUse& use : operators_of(model, table)) {
    if (use.known) continue;
    list += fmt::format("{}{}{}", list.empty() ? "" : ", ", use.name, use.nodes > 1 ? fmt::format(" ({} nodes)", use.nodes) : "");
  }
  return list.empty() ? list : "uses operators that are not known here: " + list;
}

}  // namespace neurons::onnx
