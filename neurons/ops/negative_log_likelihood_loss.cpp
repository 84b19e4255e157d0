#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/label_loss.hpp"
#include "neurons/ops/common/labels.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<LabelLossOptions>();
  const Shape labels = context.inputs[1].shape();
  const Value rows = scores_as_rows(context.inputs[0]);
  Value mask = label_mask(reshaped(context.inputs[1], {labels.elements()}), rows.shape()[1], options.ignore_index);
  const Value chosen = choose(above(mask, 0.5), rows, 0.0);  // not a product: 0 · -inf is NaN
  if (context.inputs.size() > 2) mask = mask * context.inputs[2];
  const Value weighted = context.inputs.size() > 2 ? chosen * context.inputs[2] : chosen;
  return {reduce_losses(-sum_over(weighted, {1}, false), sum_over(mask, {1}, false), options.reduction, labels)};
}

}  // namespace

std::vector<OpDef> negative_log_likelihood_loss() {
  OpDef op = mover("NegativeLogLikelihoodLoss",
                   "loss = -weight(label) · scores[label], reduced; inputs log-probabilities, labels, class weights", 12,
                   LabelLossOptions{});
  op.minimum_inputs = 2;
  op.maximum_inputs = 3;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    return {label_loss_type(context, context.as<LabelLossOptions>().reduction)};
  };
  op.decompose = decompose;
  op.reference = [](const ReferenceContext& context) { label_loss_reference(context, context.inputs[0]->data, 0); };
  op.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> { return decompose(context); };
  op.samples = label_loss_samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
