#include <cmath>

#include "neurons/ops/common/row_op.hpp"

namespace neurons::ops {

std::vector<OpDef> log_softmax() {
  OpDef op = row_op("LogSoftmax", "y = x - log Σ exp(x) along the axis", 1, kernels::log_softmax);
  op.onnx = {{"LogSoftmax", 13, ""}};
  op.reference = [](const ReferenceContext& context) {
    const auto& x = context.inputs[0]->data;
    for_each_row(context, [&](std::span<const std::size_t> row) {
      const double sum = shifted_exponentials(context, row);
      const double largest = largest_of(x, row);
      for (const std::size_t i : row) context.outputs[0].data[i] = x[i] - largest - std::log(sum);
    });
  };
  op.gradient = [](GradientContext& context) {
    context.set(0, context.graph().emit("LogSoftmaxGradient", {context.gradient(), context.output()}, context.options()));
  };

  OpDef gradient =
      row_op("LogSoftmaxGradient", "dx = dy - exp(y) · Σ dy along the axis; inputs dy, y", 2, kernels::log_softmax_gradient);
  gradient.source = op.source;
  gradient.decompose = [](const RewriteContext& context) -> std::vector<Value> {
    const Value dy = context.inputs[0];
    const Value sum = sum_over(dy, {context.options.as<RowOptions>().axis}, true);
    return {dy - context.graph.emit("Exp", {context.inputs[1]}) * sum};
  };
  gradient.reference = [](const ReferenceContext& context) {
    const auto& dy = context.inputs[0]->data;
    const auto& y = context.inputs[1]->data;
    for_each_row(context, [&](std::span<const std::size_t> row) {
      double sum = 0;
      for (const std::size_t i : row) sum += dy[i];
      for (const std::size_t i : row) context.outputs[0].data[i] = dy[i] - std::exp(y[i]) * sum;
    });
  };
  return {std::move(op), std::move(gradient)};
}

}  // namespace neurons::ops
