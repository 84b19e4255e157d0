#include "neurons/ops/common/elementwise.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "neurons/graph/chain.hpp"
#include "neurons/ops/common/panels.hpp"
#include "neurons/ops/common/run_chain.hpp"

namespace neurons::ops {

Shape broadcast_shape(const InferContext& context) {
  Shape shape = context.shape(0);
  for (std::size_t i = 1; i < context.inputs.size(); ++i) {
    if (!context.has(i)) continue;
    shape = broadcast(shape, context.shape(i));
  }
  return shape;
}

Shape broadcast_shape(const InferContext& context, std::span<const DType> allowed) {
  for (std::size_t i = 1; i < context.inputs.size(); ++i) {
    if (context.has(i) && context.dtype(i) != context.dtype(0)) context.fail("inputs must have one element type");
  }
  if (std::ranges::find(allowed, context.dtype(0)) == allowed.end()) {
    std::string names;
    for (const DType dtype : allowed) names += (names.empty() ? "" : ", ") + std::string(name_of(dtype));
    context.fail("takes elements of type {}", names);
  }
  return broadcast_shape(context);
}

void run_scalar(const ReferenceContext& context, const ScalarFunction& scalar) {
  ReferenceTensor& output = context.outputs[0];
  const Shape& shape = output.type.shape;
  const auto count = context.inputs.size();
  std::vector<std::vector<std::int64_t>> strides(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Shape& from = context.inputs[i]->type.shape;
    const auto own = from.strides();
    strides[i].assign(static_cast<std::size_t>(shape.rank()), 0);
    for (int axis = 0; axis < from.rank(); ++axis) {
      const int place = shape.rank() - from.rank() + axis;
      if (from[axis] != 1) strides[i][static_cast<std::size_t>(place)] = own[static_cast<std::size_t>(axis)];
    }
  }
  std::vector<double> operands(count);
  const auto steps = shape.strides();
  for (std::int64_t element = 0; element < shape.elements(); ++element) {
    for (std::size_t i = 0; i < count; ++i) {
      std::int64_t offset = 0;
      for (int axis = 0; axis < shape.rank(); ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        offset += element / steps[a] % shape[axis] * strides[i][a];
      }
      operands[i] = context.inputs[i]->data[static_cast<std::size_t>(offset)];
    }
    output.data[static_cast<std::size_t>(element)] = scalar(operands.data(), context.options);
  }
}

Kernel elementwise_kernel() {
  Kernel kernel;
  kernel.name = "elementwise";
  kernel.refuse = [](const InferContext& context) {
    return context.op.elementwise->function(context) == nullptr ? std::string("no loop for these element types") : std::string();
  };
  kernel.prepare = [](const PrepareContext& context) {
    Chain chain;
    Chain::Step step{&context.op, context.options, {}, {}};
    for (std::size_t i = 0; i < context.inputs.size(); ++i) {
      step.operands.push_back({Chain::Operand::From::input, static_cast<int>(i), 0});
    }
    for (std::size_t i = 0; i < context.outputs.size(); ++i) {
      step.types.push_back(context.outputs[i].type);
      chain.outputs.push_back({Chain::Operand::From::step, 0, static_cast<int>(i)});
    }
    chain.steps.push_back(std::move(step));
    return call_of(lower_chain(chain, context.outputs[0].type.shape, context.inputs, context.outputs));
  };
  return kernel;
}

OpDef elementwise(std::string name, std::string summary, std::size_t inputs, kernels::TileFunction function,
                  ScalarFunction scalar) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.source = "https://onnx.ai/onnx/operators/onnx__" + op.name + ".html";
  op.minimum_inputs = inputs;
  op.maximum_inputs = inputs;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const Shape shape = broadcast_shape(context, kFloats);
    return {{context.dtype(), shape}};
  };
  op.reference = [scalar = std::move(scalar)](const ReferenceContext& context) { run_scalar(context, scalar); };
  op.elementwise =
      Elementwise{[function](const InferContext& context) { return context.dtype(0) == DType::f32 ? function : nullptr; }, nullptr};
  op.kernels = {elementwise_kernel()};
  return op;
}

OpDef unary(std::string name, std::string summary, kernels::TileFunction function, double (*scalar)(double)) {
  return elementwise(std::move(name), std::move(summary), 1, function,
                     [scalar](const double* inputs, const Options&) { return scalar(inputs[0]); });
}

OpDef binary(std::string name, std::string summary, kernels::TileFunction function, double (*scalar)(double, double)) {
  return elementwise(std::move(name), std::move(summary), 2, function,
                     [scalar](const double* inputs, const Options&) { return scalar(inputs[0], inputs[1]); });
}

namespace {

/// A pool gives slopes to the largest of what an activation gave, and 0 to all others. At the largest, f' is that of the pool's own
/// result: there are fewer of those, and what computes their slopes can do it in passing.
std::optional<std::vector<Value>> on_the_largest(const RewriteContext& context) {
  const Value saved = context.inputs[1];
  const Node* node = producer(context.inputs[0]);
  if (node == nullptr || node->op->name != "MaxPoolGradient" || node->inputs[0] != saved.id()) return std::nullopt;
  const Node spread = *node;
  Graph& graph = context.graph;
  const OpDef& pool = graph.table()->find("MaxPool");
  const Value largest = graph.emit(pool, {saved}, pool.default_options.with(spread.options.attributes()));
  const Value slope = graph.emit(context.op, {graph.value(spread.inputs[1]), largest}, context.options);
  return graph.emit_all(*spread.op, std::vector{saved, slope}, spread.options, spread.name);
}

}  // namespace

std::vector<OpDef> with_derivative(Activation activation) {
  OpDef& forward = activation.forward;
  OpDef gradient = elementwise(forward.name + "Gradient",
                               "dy · f'(saved), where f is " + forward.name +
                                   (activation.saved == Saved::input ? " and saved its input" : " and saved its output"),
                               2, activation.gradient_function,
                               [derivative = activation.derivative](const double* inputs, const Options& options) {
                                 return inputs[0] * derivative(inputs + 1, options);
                               });
  gradient.source = forward.source;
  gradient.default_options = forward.default_options;
  gradient.elementwise->tile_options = forward.elementwise->tile_options;
  gradient.decompose = [derivative = activation.derivative_graph](const RewriteContext& context) -> std::vector<Value> {
    return {context.inputs[0] * derivative(context.inputs[1], context.options)};
  };
  gradient.simplify = on_the_largest;
  gradient.samples = [options = forward.default_options] {
    return std::vector<Sample>{{{{{DType::f32, {5, 7}}}, {{DType::f32, {5, 7}}, Sample::Fill::away_from_0}}, options, "matrix"}};
  };
  forward.gradient = [name = gradient.name, saved = activation.saved](GradientContext& context) {
    const Value value = saved == Saved::input ? context.input(0) : context.output();
    context.set(0, context.graph().emit(name, {context.gradient(), value}, context.options()));
  };
  if (!forward.samples) {
    forward.samples = [options = forward.default_options] { return unary_samples(Sample::Fill::away_from_0, options); };
  }
  return {std::move(forward), std::move(gradient)};
}

std::vector<Sample> unary_samples(Sample::Fill fill, const Options& options) {
  std::vector<Sample> samples;
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{17}, Shape{5, 7}, Shape{2, 3, 33}, Shape{0, 4}}) {
    samples.push_back({{{{DType::f32, shape}, fill}}, options, shape.to_string()});
  }
  return samples;
}

std::vector<Sample> binary_samples(Sample::Fill fill, const Options& options) {
  const std::vector<std::pair<Shape, Shape>> cases = {
      {{}, {}},     {{5, 7}, {5, 7}},    {{5, 7}, {7}},       {{7}, {5, 7}},    {{5, 1}, {1, 7}},
      {{5, 7}, {}}, {{4, 1, 3}, {2, 1}}, {{2, 3, 5}, {3, 1}}, {{64, 33}, {33}}, {{2, 1, 3, 1}, {5, 1, 4}},
      {{0, 3}, {3}}};
  std::vector<Sample> samples;
  for (const auto& [a, b] : cases) {
    samples.push_back({{{{DType::f32, a}, fill}, {{DType::f32, b}, fill}}, options, a.to_string() + " with " + b.to_string()});
  }
  return samples;
}

}  // namespace neurons::ops
