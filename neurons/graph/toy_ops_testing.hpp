#pragma once
/// For tests: a handful of ops, so that graphs can be tested without the rooms above.

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"
#include "neurons/graph/rewrite.hpp"

namespace neurons::testing {

/// An op on tensors of one type, element by element.
inline OpDef toy_op(std::string name, std::size_t inputs, double (*scalar)(const double*)) {
  OpDef op;
  op.name = std::move(name);
  op.minimum_inputs = op.maximum_inputs = inputs;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    for (const TensorType& type : context.inputs) {
      if (type != context.inputs[0]) context.fail("its inputs must have one type");
    }
    return {context.inputs[0]};
  };
  op.reference = [scalar](const ReferenceContext& context) {
    std::vector<double> values(context.inputs.size());
    for (std::size_t e = 0; e < context.outputs[0].data.size(); ++e) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = context.inputs[i]->data[e];
      context.outputs[0].data[e] = scalar(values.data());
    }
  };
  return op;
}

/// Options of "Scaled": y = factor · x.
struct ScaledOptions {
  double factor = 1;
  std::vector<std::int64_t> unused;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("factor", self.factor);
    visit("unused", self.unused);
  }
};

/// Add, Mul, Scaled, Square (by decomposition only), Both (outputs x and 2x), Step (without a gradient), Whole (its gradient says
/// that it is made of steps), Forgetful (x·y whose gradient forgets y), First (its first input;
/// the other two are optional).
inline std::shared_ptr<const OpTable> toy_table() {
  auto table = std::make_shared<OpTable>();
  OpDef add = toy_op("Add", 2, [](const double* x) { return x[0] + x[1]; });
  add.gradient = [](GradientContext& context) {
    for (std::size_t i = 0; i < 2; ++i) context.set(i, context.gradient());
  };
  table->add(add);
  OpDef mul = toy_op("Mul", 2, [](const double* x) { return x[0] * x[1]; });
  mul.gradient = [](GradientContext& context) {
    for (std::size_t i = 0; i < 2; ++i) {
      if (context.wants(i)) context.set(i, context.gradient() * context.input(1 - i));
    }
  };
  table->add(mul);
  OpDef scaled = toy_op("Scaled", 1, nullptr);
  scaled.default_options = ScaledOptions{};
  scaled.reference = [](const ReferenceContext& context) {
    for (std::size_t e = 0; e < context.outputs[0].data.size(); ++e) {
      context.outputs[0].data[e] = context.as<ScaledOptions>().factor * context.inputs[0]->data[e];
    }
  };
  scaled.gradient = [](GradientContext& context) {
    context.set(0, context.graph().emit("Scaled", {context.gradient()}, context.options()));
  };
  table->add(scaled);
  OpDef square = toy_op("Square", 1, nullptr);
  square.reference = nullptr;
  square.decompose = [](const RewriteContext& context) { return std::vector{context.inputs[0] * context.inputs[0]}; };
  table->add(square);
  OpDef both = toy_op("Both", 1, nullptr);
  both.infer = [](const InferContext& context) { return std::vector{context.inputs[0], context.inputs[0]}; };
  both.reference = [](const ReferenceContext& context) {
    context.outputs[0].data = context.outputs[1].data = context.inputs[0]->data;
    for (double& value : context.outputs[1].data) value *= 2;
  };
  both.gradient = [](GradientContext& context) {
    const Value second = context.graph().emit("Scaled", {context.gradient(1)}, ScaledOptions{2, {}});
    context.set(0, context.gradient(0) + second);
  };
  table->add(both);
  OpDef step = toy_op("Step", 1, [](const double* x) { return x[0] > 0 ? 1.0 : 0.0; });
  step.not_differentiable = "it is flat wherever it is smooth";
  table->add(step);
  OpDef whole = toy_op("Whole", 1, [](const double* x) { return std::floor(x[0]); });
  whole.gradient = [](GradientContext& context) { context.set_zero(); };
  table->add(whole);
  OpDef forgetful = toy_op("Forgetful", 2, [](const double* x) { return x[0] * x[1]; });
  forgetful.gradient = [](GradientContext& context) {
    if (context.wants(0)) context.set(0, context.gradient() * context.input(1));
  };
  table->add(forgetful);
  OpDef first = toy_op("First", 1, [](const double* x) { return x[0]; });
  first.maximum_inputs = 3;
  first.infer = [](const InferContext& context) { return std::vector{context.inputs[0]}; };
  first.not_differentiable = "it is only looked at";
  table->add(first);
  return table;
}

inline Value toy_constant(Graph& graph, std::vector<float> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return graph.constant(Tensor::of<float>({size}, values));
}

/// The numbers of a value that depends on constants alone.
inline std::vector<float> evaluate(Value value) {
  value.graph().output("evaluated", value);
  const Graph folded = fold_constants(decompose(value.graph(), [](const OpDef& op) { return op.reference != nullptr; }));
  const auto numbers = folded.info(folded.outputs().back().value).constant->values<float>();
  return {numbers.begin(), numbers.end()};
}

}  // namespace neurons::testing
