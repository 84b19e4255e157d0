#include <algorithm>
#include <cmath>
#include <limits>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/label_loss.hpp"
#include "neurons/ops/common/labels.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<LabelLossOptions>();
  Graph& graph = context.graph;
  const Value scores = context.inputs[0];
  const Shape labels = context.inputs[1].shape();
  const Value flat = emit_with("Cast", {reshaped(context.inputs[1], {labels.elements()})}, {{"to", std::string("i64")}});
  const OpDef& op = graph.table()->find("CrossEntropy");
  std::vector<Value> inputs{scores_as_rows(scores), flat};
  if (context.inputs.size() > 2) inputs.push_back(context.inputs[2]);
  const auto results = graph.emit_all(op, inputs, op.default_options.with({{"ignore_index", options.ignore_index}}));
  return {reduce_losses(results[0], results[1], options.reduction, labels),
          emit_with("LogSoftmax", {scores}, {{"axis", std::int64_t{1}}})};
}

/// log softmax over axis 1 of scores [n, classes, …].
std::vector<double> log_softmax(const ReferenceTensor& scores) {
  const Shape& shape = scores.type.shape;
  const std::int64_t classes = shape[1];
  const std::int64_t inner = shape.product(2, shape.rank());
  std::vector<double> result = scores.data;
  for (std::int64_t row = 0; row < shape[0] * inner; ++row) {
    const auto at = [&](std::int64_t c) -> double& {
      return result[static_cast<std::size_t>((row / inner * classes + c) * inner + row % inner)];
    };
    double largest = at(0);
    for (std::int64_t c = 1; c < classes; ++c) largest = std::max(largest, at(c));
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(at(c) - largest);
    for (std::int64_t c = 0; c < classes; ++c) at(c) -= largest + std::log(sum);
  }
  return result;
}

}  // namespace

std::vector<OpDef> softmax_cross_entropy_loss() {
  OpDef op = mover("SoftmaxCrossEntropyLoss",
                   "loss = -weight(label) · log softmax(scores)[label], reduced, and log softmax(scores); "
                   "inputs scores, labels, class weights",
                   12, LabelLossOptions{});
  op.minimum_inputs = 2;
  op.maximum_inputs = 3;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    if (context.dtype() != DType::f32) context.fail("expects f32 scores");
    return {label_loss_type(context, context.as<LabelLossOptions>().reduction), context.inputs[0]};
  };
  op.decompose = decompose;
  op.reference = [](const ReferenceContext& context) {
    context.outputs[1].data = log_softmax(*context.inputs[0]);
    label_loss_reference(context, context.outputs[1].data, std::numeric_limits<double>::quiet_NaN());
  };
  op.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> { return decompose(context); };
  op.samples = label_loss_samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
