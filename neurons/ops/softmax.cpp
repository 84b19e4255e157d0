#include "neurons/ops/common/row_op.hpp"

namespace neurons::ops {

std::vector<OpDef> softmax() {
  OpDef op = row_op("Softmax", "y = exp(x) / Σ exp(x) along the axis", 1, kernels::softmax);
  op.onnx = {{"Softmax", 13, ""}};
  op.reference = [](const ReferenceContext& context) {
    for_each_row(context, [&](std::span<const std::size_t> row) {
      const double sum = shifted_exponentials(context, row);
      for (const std::size_t i : row) context.outputs[0].data[i] /= sum;
    });
  };
  op.gradient = [](GradientContext& context) {
    context.set(0, context.graph().emit("SoftmaxGradient", {context.gradient(), context.output()}, context.options()));
  };

  OpDef gradient = row_op("SoftmaxGradient", "dx = y · (dy - Σ dy·y) along the axis; inputs dy, y", 2, kernels::softmax_gradient);
  gradient.source = op.source;
  gradient.decompose = [](const RewriteContext& context) -> std::vector<Value> {
    const Value dy = context.inputs[0];
    const Value y = context.inputs[1];
    return {y * (dy - sum_over(dy * y, {context.options.as<RowOptions>().axis}, true))};
  };
  gradient.reference = [](const ReferenceContext& context) {
    const auto& dy = context.inputs[0]->data;
    const auto& y = context.inputs[1]->data;
    for_each_row(context, [&](std::span<const std::size_t> row) {
      double sum = 0;
      for (const std::size_t i : row) sum += dy[i] * y[i];
      for (const std::size_t i : row) context.outputs[0].data[i] = y[i] * (dy[i] - sum);
    });
  };
  return {std::move(op), std::move(gradient)};
}

}  // namespace neurons::ops
