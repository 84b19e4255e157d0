#include "neurons/formats/onnx/lift_weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "neurons/formats/onnx/operators.hpp"
#include "neurons/formats/onnx/renaming.hpp"

namespace neurons::onnx {
namespace {

bool is_weight(const TensorData& data) {
  const auto dtype = dtype_of(data.type);
  return !data.dims.empty() && (dtype == DType::f32 || dtype == DType::f64);
}

/// The weight that a Constant node holds, or null.
const TensorData* weight_of(const NodeData& node) {
  if (node.op_type != "Constant" || !node.domain.empty() || node.outputs.size() != 1) return nullptr;
  const AttributeData* value = node.attribute("value");
  return value != nullptr && value->tensor && is_weight(*value->tensor) ? &*value->tensor : nullptr;
}

class Lifting {
 public:
  explicit Lifting(Model& model) : model_(model) {
    count(model.graph.nodes);
    for (const TensorData& data : model.graph.initializers) ++definitions_[data.name];
    for (const ValueData& input : model.graph.inputs) ++definitions_[input.name];
    for (const FunctionData& function : model.functions) {
      count(function.nodes);
      for (const std::string& input : function.inputs) ++definitions_[input];
    }
  }

  void run() { walk(model_.graph.nodes, {}, "", nullptr); }

 private:
  /// Names that a value of a scope has now, by what it was called.
  using Names = std::vector<std::string>;

  void count(const std::vector<NodeData>& nodes) {
    for (const NodeData& node : nodes) {
      for (const std::string& output : node.outputs) ++definitions_[output];
      for (const AttributeData& attribute : node.attributes) {
        if (!attribute.graph) continue;
        for (const TensorData& data : attribute.graph->initializers) ++definitions_[data.name];
        for (const ValueData& input : attribute.graph->inputs) ++definitions_[input.name];
        count(attribute.graph->nodes);
      }
    }
  }

  /// Moves a weight to the model's graph; `path` begins its name unless it has one of its own.
  std::string move(const TensorData& data, const std::string& name, const std::string& path, bool own) {
    std::string full = name;
    if (!path.empty() && (!own || definitions_[name] > 1)) {
      full = path + name;
      for (int number = 2; definitions_[full] > 0; ++number) full = fmt::format("{}{}_{}", path, name, number);
      ++definitions_[full];
    }
    model_.graph.initializers.push_back(data);
    model_.graph.initializers.back().name = full;
    return full;
  }

  /// Lifts what stands in the nodes and in their bodies; returns `renamed` with the nodes' own. `inputs`: of the function that they
  /// are of, which sees no other values and is given what is lifted; null: of a graph.
  Renamed walk(std::vector<NodeData>& nodes, Renamed renamed, const std::string& path, Names* inputs) {
    std::erase_if(nodes, [&](const NodeData& node) {
      const TensorData* weight = weight_of(node);
      if (weight == nullptr) return false;
      const std::string& name = node.outputs.front();
      renamed[name] = move(*weight, name, path, inputs == nullptr);
      if (inputs != nullptr) inputs->push_back(renamed[name]);
      return true;
    });
    for (NodeData& node : nodes) {
      for (std::string& input : node.inputs) rename(input, renamed);
      for (AttributeData& attribute : node.attributes) {
        if (attribute.graph) walk_body(attribute, renamed, path + name_of(node) + "." + attribute.name + ".", inputs);
      }
      if (const FunctionData* function = find_function(model_, node)) give(node, *function, inputs);
    }
    return renamed;
  }

  void walk_body(AttributeData& attribute, Renamed renamed, const std::string& path, Names* inputs) {
    GraphData& body = own_body(attribute);
    renamed = inside(body, std::move(renamed));
    std::erase_if(body.initializers, [&](const TensorData& data) {
      const auto is_it = [&](const ValueData& input) { return input.name == data.name; };
      if (!is_weight(data) || std::ranges::any_of(body.inputs, is_it)) return false;
      renamed[data.name] = move(data, data.name, path, inputs == nullptr);
      if (inputs != nullptr) inputs->push_back(renamed[data.name]);
      return true;
    });
    renamed = walk(body.nodes, std::move(renamed), path, inputs);
    for (ValueData& output : body.outputs) rename(output.name, renamed);
  }

  /// Gives a call what was lifted out of its function; a function that calls must be given it, too.
  void give(NodeData& node, const FunctionData& function, Names* inputs) {
    const auto known = std::ranges::find(model_.functions, &function, [](const FunctionData& one) { return &one; });
    lift(*known);
    const Names& lifted = lifted_[&function];
    if (lifted.empty()) return;
    node.inputs.resize(function.inputs.size() - lifted.size());
    node.inputs.insert(node.inputs.end(), lifted.begin(), lifted.end());
    for (const std::string& name : lifted) {
      if (inputs != nullptr && std::ranges::find(*inputs, name) == inputs->end()) inputs->push_back(name);
    }
  }

  void lift(FunctionData& function) {
    // Nothing to do where that is done, and where importing will refuse: a function that calls itself, calls too deep.
    if (depth_ == kDeepestCall || !lifted_.try_emplace(&function).second) return;
    ++depth_;
    Names given;
    const Renamed renamed = walk(function.nodes, {}, function.name + ".", &given);
    for (std::string& output : function.outputs) rename(output, renamed);
    function.inputs.insert(function.inputs.end(), given.begin(), given.end());
    lifted_[&function] = std::move(given);
    --depth_;
  }

  Model& model_;
  int depth_ = 0;
  std::map<std::string, int> definitions_;       ///< of each name in the whole model
  std::map<const FunctionData*, Names> lifted_;  ///< out of each function: its last inputs
};

}  // namespace

void lift_weights(Model& model) { Lifting(model).run(); }

}  // namespace neurons::onnx
