#include "neurons/formats/onnx/inference_form.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "neurons/formats/onnx/renaming.hpp"

namespace neurons::onnx {
namespace {

bool is_own(const NodeData& node, std::string_view op) { return node.op_type == op && node.domain.empty(); }

class Changing {
 public:
  explicit Changing(Model& model) : model_(model) {
    for (const ValueData& output : model.graph.outputs) read_.insert(output.name);
    for (const TensorData& data : model.graph.initializers) look_at(data.name, data);
    look_at(model.graph.nodes);
    for (const FunctionData& function : model.functions) {
      read_.insert(function.outputs.begin(), function.outputs.end());
      look_at(function.nodes);
    }
  }

  void run() {
    change(model_.graph.nodes);
    for (FunctionData& function : model_.functions) change(function.nodes);
    if (changed_.empty()) return;
    model_.left_out += fmt::format(
        "{}{} in the file's training form: here nothing is dropped, and running statistics count while nothing is trained",
        model_.left_out.empty() ? "" : "; ", fmt::join(changed_, " and "));
  }

 private:
  void look_at(const std::string& name, const TensorData& data) {
    if (data.type != ElementType::boolean || std::ranges::any_of(data.dims, [](std::int64_t extent) { return extent != 1; }))
      return;
    if (to_tensor(data, model_.folder).values<bool>().front()) true_.insert(name);
  }

  void look_at(const std::vector<NodeData>& nodes) {
    for (const NodeData& node : nodes) {
      read_.insert(node.inputs.begin(), node.inputs.end());
      const AttributeData* value = is_own(node, "Constant") ? node.attribute("value") : nullptr;
      if (value != nullptr && value->tensor && node.outputs.size() == 1) look_at(node.outputs.front(), *value->tensor);
      for (const AttributeData& attribute : node.attributes) {
        if (!attribute.graph) continue;
        for (const ValueData& output : attribute.graph->outputs) read_.insert(output.name);
        for (const TensorData& data : attribute.graph->initializers) look_at(data.name, data);
        look_at(attribute.graph->nodes);
      }
    }
  }

  void change(std::vector<NodeData>& nodes) {
    for (NodeData& node : nodes) {
      change(node);
      for (AttributeData& attribute : node.attributes) {
        if (attribute.graph) change(own_body(attribute).nodes);
      }
    }
  }

  void change(NodeData& node) {
    if (is_own(node, "Dropout") && node.inputs.size() > 2 && true_.contains(node.inputs[2])) {
      node.inputs.resize(2);
      changed_.insert(node.op_type);
    }
    if (!is_own(node, "BatchNormalization") || node.outputs.empty()) return;
    const auto mode = std::ranges::find(node.attributes, "training_mode", &AttributeData::name);
    if (mode == node.attributes.end() || mode->integer == 0) return;
    const auto is_read = [&](const std::string& name) { return !name.empty() && read_.contains(name); };
    if (std::any_of(node.outputs.begin() + 1, node.outputs.end(), is_read)) return;
    node.attributes.erase(mode);
    node.outputs.resize(1);
    changed_.insert(node.op_type);
  }

  Model& model_;
  std::set<std::string> read_;     ///< values that count for others
  std::set<std::string> true_;     ///< values that are known to be true
  std::set<std::string> changed_;  ///< operators
};

}  // namespace

void to_inference_form(Model& model) { Changing(model).run(); }

}  // namespace neurons::onnx
