#pragma once
/// Small models for tests, made in memory and always read back from their bytes.

#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/importer.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons::onnx::testing {

inline ValueData value(std::string name, std::vector<Dim> dims, ElementType type = ElementType::f32) {
  return {std::move(name), type, true, std::move(dims)};
}

/// One without a value.
inline AttributeData attribute(std::string name, AttributeData::Type type) {
  AttributeData result;
  result.name = std::move(name);
  result.type = type;
  return result;
}
inline AttributeData integer(std::string name, std::int64_t number) {
  AttributeData result = attribute(std::move(name), AttributeData::Type::integer);
  result.integer = number;
  return result;
}
inline AttributeData integers(std::string name, std::vector<std::int64_t> numbers) {
  AttributeData result = attribute(std::move(name), AttributeData::Type::integers);
  result.integers = std::move(numbers);
  return result;
}
inline AttributeData real(std::string name, float number) {
  AttributeData result = attribute(std::move(name), AttributeData::Type::real);
  result.real = number;
  return result;
}
inline AttributeData reals(std::string name, std::vector<float> numbers) {
  AttributeData result = attribute(std::move(name), AttributeData::Type::reals);
  result.reals = std::move(numbers);
  return result;
}
inline AttributeData text(std::string name, std::string words) {
  AttributeData result = attribute(std::move(name), AttributeData::Type::text);
  result.text = std::move(words);
  return result;
}
inline AttributeData graph(std::string name, GraphData body) {
  AttributeData result = attribute(std::move(name), AttributeData::Type::graph);
  result.graph = std::make_shared<GraphData>(std::move(body));
  return result;
}
inline AttributeData tensor(std::string name, const Tensor& values) {
  AttributeData result = attribute(std::move(name), AttributeData::Type::tensor);
  result.tensor = from_tensor("", values);
  return result;
}
/// In a function's body: the attribute of the calling node.
inline AttributeData of_caller(std::string name, AttributeData::Type type, std::string caller) {
  AttributeData result = attribute(std::move(name), type);
  result.of_function = std::move(caller);
  return result;
}

inline NodeData node(std::string op, std::vector<std::string> inputs, std::vector<std::string> outputs,
                     std::vector<AttributeData> attributes = {}, std::string domain = "") {
  return {std::move(op), std::move(domain), "", std::move(inputs), std::move(outputs), std::move(attributes)};
}
/// Of one input a and one output b, in the domain "test".
inline FunctionData function(std::string name, std::vector<NodeData> nodes) {
  FunctionData result;
  result.name = std::move(name);
  result.domain = "test";
  result.inputs = {"a"};
  result.outputs = {"b"};
  result.nodes = std::move(nodes);
  result.opsets = {{"", 13}, {"test", 1}};
  return result;
}
/// Functions "F1" to "F8" in the domain "test": each calls the one before it 32 times in a row, the first `leaf`: 2^40 nodes.
inline std::vector<FunctionData> functions_without_end(const std::string& leaf) {
  std::vector<FunctionData> functions;
  for (int level = 1; level <= 8; ++level) {
    std::vector<NodeData> calls;
    for (int call = 0; call < 32; ++call) {
      const std::string from = call == 0 ? "a" : fmt::format("c{}", call);
      const std::string to = call == 31 ? "b" : fmt::format("c{}", call + 1);
      calls.push_back(level == 1 ? node(leaf, {from}, {to}) : node(fmt::format("F{}", level - 1), {from}, {to}, {}, "test"));
    }
    functions.push_back(function(fmt::format("F{}", level), std::move(calls)));
  }
  return functions;
}

inline Model model(std::vector<NodeData> nodes, std::vector<ValueData> inputs, const std::vector<std::string>& outputs,
                   std::vector<TensorData> initializers = {}, std::int64_t opset = 13) {
  Model result;
  result.ir_version = 8;
  result.producer_name = "test";
  result.opsets = {{"", opset}};
  result.graph.name = "graph";
  result.graph.nodes = std::move(nodes);
  result.graph.inputs = std::move(inputs);
  result.graph.initializers = std::move(initializers);
  for (const std::string& name : outputs) result.graph.outputs.push_back({name, ElementType::f32, true, std::nullopt});
  return result;
}

/// A model as its file would be read.
struct ReadBack {
  explicit ReadBack(const Model& source) : bytes(format(source)), model(parse(std::as_bytes(std::span(bytes)), "m.onnx")) {}
  std::string bytes;
  Model model;
};

inline Graph imported(const Model& source, ImportOptions options = {}) {
  const ReadBack back(source);
  return to_graph(back.model, ops::table(), std::move(options));
}

/// What an import complains of; empty where it does not.
inline std::string fault_of(const Model& source, ImportOptions options = {}) {
  try {
    imported(source, std::move(options));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

/// The model's outputs for these inputs.
inline std::vector<Tensor> run(const Model& source, const std::map<std::string, Tensor>& inputs, ImportOptions options = {}) {
  const Graph graph = imported(source, std::move(options));
  Plan plan = compile(graph, std::make_shared<StateStore>(graph.table()));
  for (const auto& [name, tensor] : inputs) plan.input(name).assign(tensor);
  plan.run();
  std::vector<Tensor> results;
  for (const ValueData& output : source.graph.outputs) results.push_back(plan.output(output.name).copy());
  return results;
}

inline Tensor f32(const Shape& shape, const std::vector<float>& values) { return Tensor::of<float>(shape, values); }
inline Tensor i64(const Shape& shape, const std::vector<std::int64_t>& values) { return Tensor::of<std::int64_t>(shape, values); }

}  // namespace neurons::onnx::testing
