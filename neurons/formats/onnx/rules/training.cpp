// ai.onnx.preview.training: gradients and steps of optimisers as operators
// (https://github.com/onnx/onnx/blob/main/docs/Operators.md).

#include <cmath>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/rules/rules.hpp"
#include "neurons/graph/gradients.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;

/// Where a node names none. ONNX's text says 1e-6, its published case test_adam_multiple is computed with this: the numbers count.
constexpr double kAdamEpsilon = 1e-2;

/// dy/dx for each of the values `xs`: this node's first inputs are their values.
Outputs gradient(const NodeContext& node) {
  const AttributeData* xs = node.node.attribute("xs");
  if (xs == nullptr || xs->texts.empty()) node.fail("names no values to differentiate by (xs)");
  std::vector<Value> by;
  for (const std::string& name : xs->texts) by.push_back(node.named(name));
  const Value y = node.named(node.text("y", ""));
  Tensor ones(y.type());
  if (y.type().dtype != DType::f32) node.fail("y must be of single precision");
  for (float& one : ones.values<float>()) one = 1;
  return gradients(y, by, node.constant(ones));
}

/// Inputs: rate, update count, then as many tensors of each kind (parameters, gradients, and what the method keeps).
struct Tensors {
  Value rate;
  double count;
  std::vector<std::vector<Value>> kinds;
};

Tensors tensors_of(const NodeContext& node, std::size_t kinds) {
  const std::size_t each = node.inputs.size() < 2 ? 0 : (node.inputs.size() - 2) / kinds;
  if (each == 0 || each * kinds + 2 != node.inputs.size())
    node.fail("its inputs are not a rate, a count and equally many tensors of each kind");
  Tensors result{node.input(0), node.number(1, "update count"), {}};
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    std::vector<Value> members;
    for (std::size_t i = 0; i < each; ++i) members.push_back(node.input(2 + kind * each + i));
    result.kinds.push_back(std::move(members));
  }
  return result;
}

Outputs adagrad(const NodeContext& node) {
  const Tensors tensors = tensors_of(node, 3);
  const Value rate = tensors.rate / (1 + tensors.count * node.real("decay_factor", 0));
  Outputs parameters;
  Outputs sums;
  for (std::size_t i = 0; i < tensors.kinds[0].size(); ++i) {
    const Value x = tensors.kinds[0][i];
    const Value g = tensors.kinds[1][i] + x * node.real("norm_coefficient", 0);
    const Value h = tensors.kinds[2][i] + g * g;
    parameters.push_back(x - rate * g / (node.emit("Sqrt", {h}) + node.real("epsilon", 1e-6)));
    sums.push_back(h);
  }
  parameters.insert(parameters.end(), sums.begin(), sums.end());
  return parameters;
}

Outputs momentum(const NodeContext& node) {
  const Tensors tensors = tensors_of(node, 3);
  const double alpha = node.real("alpha", 0);
  const double beta = tensors.count > 0 ? node.real("beta", 0) : 1;
  const bool nesterov = node.text("mode", "standard") == "nesterov";
  Outputs parameters;
  Outputs moments;
  for (std::size_t i = 0; i < tensors.kinds[0].size(); ++i) {
    const Value x = tensors.kinds[0][i];
    const Value g = tensors.kinds[1][i] + x * node.real("norm_coefficient", 0);
    const Value v = tensors.kinds[2][i] * alpha + g * beta;
    parameters.push_back(x - tensors.rate * (nesterov ? g + v * alpha : v));
    moments.push_back(v);
  }
  parameters.insert(parameters.end(), moments.begin(), moments.end());
  return parameters;
}

Outputs adam(const NodeContext& node) {
  const Tensors tensors = tensors_of(node, 4);
  const double alpha = node.real("alpha", 0.9);
  const double beta = node.real("beta", 0.999);
  const double correction =
      tensors.count > 0 ? std::sqrt(1 - std::pow(beta, tensors.count)) / (1 - std::pow(alpha, tensors.count)) : 1;
  Outputs outputs;
  Outputs firsts;
  Outputs seconds;
  for (std::size_t i = 0; i < tensors.kinds[0].size(); ++i) {
    const Value x = tensors.kinds[0][i];
    const Value g = tensors.kinds[1][i] + x * node.real("norm_coefficient", 0);
    const Value v = tensors.kinds[2][i] * alpha + g * (1 - alpha);
    const Value h = tensors.kinds[3][i] * beta + g * g * (1 - beta);
    const Value root = node.emit("Sqrt", {h}) + node.real("epsilon", kAdamEpsilon);
    outputs.push_back((x - tensors.rate * correction * v / root) * (1 - node.real("norm_coefficient_post", 0)));
    firsts.push_back(v);
    seconds.push_back(h);
  }
  outputs.insert(outputs.end(), firsts.begin(), firsts.end());
  outputs.insert(outputs.end(), seconds.begin(), seconds.end());
  return outputs;
}

}  // namespace

void add_training_rules(Rules& rules) {
  rules["ai.onnx.preview.training::Gradient"] = gradient;
  rules["ai.onnx.preview.training::Adagrad"] = adagrad;
  rules["ai.onnx.preview.training::Momentum"] = momentum;
  rules["ai.onnx.preview.training::Adam"] = adam;
}

}  // namespace neurons::onnx
