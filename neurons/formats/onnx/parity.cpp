#include "neurons/formats/onnx/parity.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "neurons/base/suggest.hpp"
#include "neurons/formats/onnx/importer.hpp"
#include "neurons/formats/onnx/operators.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons::onnx {
namespace {

using Recorded = std::map<std::string, Tensor>;

bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

/// The recorded inputs, in the types of the model's own.
Recorded inputs_among(const Model& model, const Recorded& recorded) {
  Recorded inputs;
  for (const ValueData* given : model.graph.given_inputs()) {
    const ValueData& input = *given;
    const auto found = recorded.find(input.name);
    if (found == recorded.end()) {
      std::vector<std::string> names;
      for (const auto& [name, tensor] : recorded) names.push_back(name);
      fail_input("the recording has no input \"{}\"{}", input.name, did_you_mean(input.name, names));
    }
    const auto dtype = dtype_of(input.type);
    inputs.emplace(input.name, dtype ? found->second.cast(*dtype) : found->second);
  }
  return inputs;
}

constexpr double kRounding = 1e-6;  // of a term, in sums

/// Sums of what may cancel: what is left holds the rounding of its terms.
constexpr std::array kSums = {std::string_view("Add"),         std::string_view("Sub"),
                              std::string_view("Sum"),         std::string_view("ReduceSum"),
                              std::string_view("ReduceMean"),  std::string_view("Mean"),
                              std::string_view("AveragePool"), std::string_view("GlobalAveragePool")};

double largest_of(const Tensor& tensor) {
  const Tensor wide = tensor.cast(DType::f64);
  double largest = 0;
  for (const double number : wide.values<double>()) {
    if (std::isfinite(number)) largest = std::max(largest, std::abs(number));
  }
  return largest;
}

/// How much of a value's numbers is rounding at most, by what was recorded of its terms.
std::map<std::string, double> rounding_of(const Model& model, const Recorded& recorded) {
  std::map<std::string, double> result;
  for (const NodeData& node : model.graph.nodes) {
    if (std::ranges::find(kSums, node.op_type) == kSums.end() || node.outputs.empty()) continue;
    double& rounding = result[node.outputs.front()];
    for (const std::string& input : node.inputs) {
      const auto found = recorded.find(input);
      const TensorData* stored = model.graph.initializer(input);
      if (found != recorded.end() && is_float(found->second.dtype())) rounding = std::max(rounding, largest_of(found->second));
      if (stored != nullptr && dtype_of(stored->type) == DType::f32) {
        rounding = std::max(rounding, largest_of(to_tensor(*stored, model.folder)));
      }
    }
    rounding *= kRounding;
  }
  return result;
}

void compare_numbers(const Tensor& here, const Tensor& there, double tolerance, double rounding, ValueParity& result) {
  const Tensor wide_here = here.cast(DType::f64);
  const Tensor wide_there = there.cast(DType::f64);
  const auto a = wide_here.values<double>();
  const auto b = wide_there.values<double>();
  double mean = 0;
  std::size_t finite = 0;
  for (const double number : b) {
    if (!std::isfinite(number)) continue;
    mean += std::abs(number);
    ++finite;
  }
  mean = finite > 0 ? mean / static_cast<double>(finite) : 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (a[i] == b[i] || std::abs(a[i] - b[i]) <= rounding || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    double difference = std::abs(a[i] - b[i]) / std::max(std::abs(b[i]), mean);
    if (!std::isfinite(difference)) difference = std::numeric_limits<double>::infinity();
    result.differing += difference > tolerance ? 1 : 0;
    if (difference <= result.largest) continue;
    result.largest = difference;
    result.place = static_cast<std::int64_t>(i);
    result.here = a[i];
    result.there = b[i];
  }
  const auto strides = there.shape().strides();
  for (int axis = 0; axis < there.shape().rank(); ++axis) {
    result.index.push_back(result.place / strides[static_cast<std::size_t>(axis)] % std::max<std::int64_t>(1, there.shape()[axis]));
  }
  result.agrees = result.differing == 0;
}

/// By name: who computes it.
std::map<std::string, std::string> makers_of(const GraphData& graph) {
  std::map<std::string, std::string> makers;
  for (const NodeData& node : graph.nodes) {
    for (const std::string& output : node.outputs) {
      makers[output] = fmt::format("{} ({})", node.name.empty() ? output : node.name, operator_of(node));
    }
  }
  return makers;
}

}  // namespace

Parity compare(const Model& model, const std::shared_ptr<const OpTable>& table, const Recorded& recorded, double tolerance) {
  const Recorded inputs = inputs_among(model, recorded);
  Graph graph = to_graph(model, table, inputs);
  const std::map<std::string, std::string> makers = makers_of(model.graph);
  const std::map<std::string, double> rounding = rounding_of(model, recorded);
  Parity result;
  std::vector<std::pair<int, std::string>> wanted;  // value, name
  std::set<std::string> outputs;
  for (const NamedOutput& output : graph.outputs()) {
    outputs.insert(output.name);
    if (recorded.contains(output.name)) wanted.emplace_back(output.value, output.name);
  }
  for (const auto& [name, tensor] : recorded) {
    if (!makers.contains(name) || outputs.contains(name)) continue;
    if (graph.has(name)) {
      wanted.emplace_back(graph.find(name).id(), name);
      graph.output(name, graph.find(name));
    } else {
      result.not_compared.push_back(name);
    }
  }
  std::ranges::sort(wanted);
  Plan plan = compile(graph, std::make_shared<StateStore>(table));
  for (const auto& [name, tensor] : inputs) {
    if (graph.info(graph.find(name).id()).kind == ValueKind::input) plan.input(name).assign(tensor);
  }
  plan.run();
  for (const auto& [id, name] : wanted) {
    const Tensor here = plan.output(name).copy();
    const Tensor& there = recorded.at(name);
    ValueParity value;
    value.value = name;
    value.node = makers.contains(name) ? makers.at(name) : "";
    value.elements = here.elements();
    if (here.shape() == there.shape()) {
      compare_numbers(here, there, tolerance, rounding.contains(name) ? rounding.at(name) : 0, value);
    } else {
      value.agrees = false;
      value.fault = fmt::format("is {} here, {} there", here.shape().to_string(), there.shape().to_string());
    }
    result.values.push_back(std::move(value));
  }
  return result;
}

std::string to_string(const ValueParity& value) {
  if (!value.fault.empty()) return fmt::format("{} gives \"{}\", which {}", value.node, value.value, value.fault);
  if (value.agrees) return fmt::format("{} gives \"{}\": all {} elements agree", value.node, value.value, value.elements);
  return fmt::format("{} gives \"{}\": {} of {} elements differ, the largest by {} at [{}]: {:.7g} here, {:.7g} there", value.node,
                     value.value, value.differing, value.elements,
                     std::isfinite(value.largest) ? fmt::format("{:.3g}%", 100 * value.largest) : std::string("no finite number"),
                     fmt::join(value.index, ", "), value.here, value.there);
}

Model with_all_outputs(Model model) {
  std::set<std::string> known;
  for (const ValueData& output : model.graph.outputs) known.insert(output.name);
  for (const NodeData& node : model.graph.nodes) {
    for (const std::string& name : node.outputs) {
      if (!name.empty() && known.insert(name).second)
        model.graph.outputs.push_back({name, ElementType::undefined, true, std::nullopt});
    }
  }
  return model;
}

}  // namespace neurons::onnx
