#include "neurons/formats/onnx/expand_calls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/operators.hpp"
#include "neurons/formats/onnx/renaming.hpp"

namespace neurons::onnx {
namespace {

class Expanding {
 public:
  explicit Expanding(Model& model) : model_(model) {
    for (const TensorData& data : model.graph.initializers) names_.insert(data.name);
    for (const ValueData& input : model.graph.inputs) names_.insert(input.name);
    for (const NodeData& node : model.graph.nodes) names_.insert(node.outputs.begin(), node.outputs.end());
  }

  void run() {
    std::vector<NodeData> nodes = std::move(model_.graph.nodes);
    model_.graph.nodes.clear();
    for (NodeData& node : nodes) add(std::move(node), 0);
  }

 private:
  void add(NodeData node, int depth) {
    const FunctionData* function = find_function(model_, node);
    if (function == nullptr || depth == kDeepestCall || !takes_opsets(*function)) {
      if (std::ssize(model_.graph.nodes) == kMostNodes) fail_input("has more than {} nodes once functions are called", kMostNodes);
      model_.graph.nodes.push_back(std::move(node));
      return;
    }
    for (NodeData& inner : inlined(*function, node)) add(std::move(inner), depth + 1);
  }

  /// Whether the function's operators mean the same in the model's graph.
  bool takes_opsets(const FunctionData& function) {
    const auto differs = [&](const auto& opset) {
      const auto known = model_.opsets.find(opset.first);
      return known != model_.opsets.end() && known->second != opset.second;
    };
    if (std::ranges::any_of(function.opsets, differs)) return false;
    model_.opsets.insert(function.opsets.begin(), function.opsets.end());
    return true;
  }

  std::vector<NodeData> inlined(const FunctionData& function, const NodeData& call) {
    const std::string path = free_path(name_of(call));
    std::vector<NodeData> nodes = body_of(function, call);
    Renamed renamed;
    for (std::size_t i = 0; i < function.inputs.size(); ++i) {
      renamed[function.inputs[i]] = i < call.inputs.size() ? call.inputs[i] : "";
    }
    for (const NodeData& node : nodes) {
      for (const std::string& output : node.outputs) {
        if (!output.empty()) renamed[output] = path + output;
      }
    }
    for (std::size_t i = 0; i < std::min(function.outputs.size(), call.outputs.size()); ++i) {
      std::string& name = renamed[function.outputs[i]];
      if (call.outputs[i].empty()) continue;
      if (name == path + function.outputs[i]) {
        name = call.outputs[i];
      } else {  // an input that is passed on, or a value that is given twice
        nodes.push_back({"Identity", "", "", {function.outputs[i]}, {call.outputs[i]}, {}});
      }
    }
    for (NodeData& node : nodes) {
      if (!node.name.empty()) node.name = path + node.name;
      rename_in(node, renamed);
    }
    return nodes;
  }

  /// "CALL.", or "CALL_2." and so on where values are called like that.
  std::string free_path(const std::string& call) {
    std::string path = call + ".";
    const auto taken = [&] {
      const auto next = names_.lower_bound(path);
      return next != names_.end() && next->starts_with(path);
    };
    for (int number = 2; taken(); ++number) path = fmt::format("{}_{}.", call, number);
    names_.insert(path);
    return path;
  }

  static void rename_in(NodeData& node, const Renamed& renamed) {
    for (std::string& input : node.inputs) rename(input, renamed);
    for (std::string& output : node.outputs) rename(output, renamed);
    for (AttributeData& attribute : node.attributes) {
      if (attribute.graph) rename_body(attribute, renamed);
    }
  }

  static void rename_body(AttributeData& attribute, const Renamed& outside) {
    GraphData& body = own_body(attribute);
    const Renamed renamed = inside(body, outside);
    for (NodeData& node : body.nodes) rename_in(node, renamed);
    for (ValueData& output : body.outputs) rename(output.name, renamed);
  }

  Model& model_;
  std::set<std::string> names_;  ///< of values, and beginnings of such
};

}  // namespace

void expand_calls(Model& model) { Expanding(model).run(); }

}  // namespace neurons::onnx
