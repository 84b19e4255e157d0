// Operators that are several of our ops.

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;

Value folded(const NodeContext& node, std::string_view op) {
  Value result = node.input(0);
  for (std::size_t i = 1; i < node.inputs.size(); ++i) result = node.emit(op, {result, node.input(i)});
  return result;
}

Outputs sum(const NodeContext& node) {
  if (node.inputs.size() == 1) return {node.emit("Identity", {node.input(0)})};
  return {folded(node, "Add")};
}

Outputs mean(const NodeContext& node) {
  const Value total = folded(node, "Add");
  const Value count = node.constant(Tensor::scalar(static_cast<float>(node.inputs.size())).cast(total.type().dtype));
  return {node.emit("Div", {total, count})};
}

/// Depth and values are options here; negative indices count from the end in both.
Outputs one_hot(const NodeContext& node) {
  const auto depth = node.whole(1, "depth");
  const Tensor* values = node.known(2);
  if (values == nullptr || values->elements() != 2)
    node.fail("its values (off, on) must be two numbers known before the model runs");
  const Tensor wide = values->cast(DType::f64);
  const auto numbers = wide.values<double>();
  Value indices = node.input(0);
  indices = node.emit("Cast", {indices}, {{"to", std::string("i64")}});
  return {node.emit("OneHot", {indices},
                    {{"depth", depth},
                     {"axis", node.integer("axis", -1)},
                     {"off", numbers[0]},
                     {"on", numbers[1]},
                     {"to", std::string(neurons::name_of(values->dtype()))}})};
}

Outputs split(const NodeContext& node) {
  const bool said = node.has(1) || node.node.attribute("split") != nullptr || node.node.attribute("num_outputs") != nullptr;
  const std::int64_t parts = node.integer("num_outputs", 0);
  if (parts > std::ssize(node.node.outputs)) {
    node.fail(fmt::format("has {} outputs, but num_outputs = {}", node.node.outputs.size(), parts));
  }
  if (said) return node.as_it_is();
  return node.as_it_is({{"num_outputs", static_cast<std::int64_t>(node.node.outputs.size())}});
}

}  // namespace

void add_combining_rules(Rules& rules) {
  rules["Sum"] = sum;
  rules["Mean"] = mean;
  rules["OneHot"] = one_hot;
  rules["Split"] = split;
}

}  // namespace neurons::onnx
