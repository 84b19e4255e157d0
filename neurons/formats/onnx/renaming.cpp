#include "neurons/formats/onnx/renaming.hpp"

namespace neurons::onnx {

void rename(std::string& name, const Renamed& renamed) {
  if (const auto found = renamed.find(name); found != renamed.end()) name = found->second;
}

Renamed inside(const GraphData& body, Renamed renamed) {
  for (const ValueData& input : body.inputs) renamed.erase(input.name);
  for (const TensorData& data : body.initializers) renamed.erase(data.name);
  for (const NodeData& node : body.nodes) {
    for (const std::string& output : node.outputs) renamed.erase(output);
  }
  return renamed;
}

GraphData& own_body(AttributeData& attribute) {
  attribute.graph = std::make_shared<GraphData>(*attribute.graph);
  return *attribute.graph;
}

}  // namespace neurons::onnx
