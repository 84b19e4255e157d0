#include "neurons/ops/common/panels.hpp"
#include "neurons/ops/common/reduction.hpp"

namespace neurons::ops {
namespace {

/// The weight gradient in panels that `value` is another form of, if it is one. Its padding is 0.
std::optional<Value> packed_gradient(Value value) {
  for (const Node* node = producer(value); node != nullptr; node = producer(value)) {
    const std::string& name = node->op->name;
    if (name == "WeightedSumWeightGradient") return value;
    if (name != "Reshape" && name != "SeparateGates" && name != "UnpackPanels") break;
    value = value.graph().value(node->inputs[0]);
  }
  return std::nullopt;
}

/// The sum of all squares asks for no order: that of a weight gradient is taken where it lies, that of a table's from those rows
/// that have one.
std::optional<std::vector<Value>> sum_packed(const RewriteContext& context) {
  const auto& options = context.options.as<ReductionOptions>();
  if (!options.axes.empty() || options.keep_dims || options.noop_with_empty_axes) return std::nullopt;
  if (const Node* node = producer(context.inputs[0]); node != nullptr && node->op->name == "GatherGradient") {
    Graph& graph = context.graph;
    const OpDef& squares = graph.table()->find("GatherGradientSquares");
    const std::vector<Value> inputs{graph.value(node->inputs[0]), graph.value(node->inputs[1])};
    return graph.emit_all(squares, inputs, node->options);
  }
  const auto packed = packed_gradient(context.inputs[0]);
  if (!packed || *packed == context.inputs[0]) return std::nullopt;
  return std::vector{context.graph.emit(context.op, {*packed}, context.options)};
}

}  // namespace

std::vector<OpDef> reduce_sum_square() {
  ReductionRule rule{"ReduceSumSquare", "The sum of squares over the axes", kernels::Reduction::sum_of_squares, {}, {}, {}};
  rule.reference = [](std::span<const double> x) {
    double sum = 0;
    for (const double value : x) sum += value * value;
    return sum;
  };
  rule.single = [](Value x) { return x * x; };
  rule.gradient = [](GradientContext& context) {
    context.set(0, context.input(0) * (with_kept_axes(context, context.gradient()) * 2.0));
  };
  OpDef op = reduction_op(std::move(rule), Sample::Fill::normal);
  op.simplify = [own = std::move(op.simplify)](const RewriteContext& context) {
    const auto packed = sum_packed(context);
    return packed ? packed : own(context);
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
