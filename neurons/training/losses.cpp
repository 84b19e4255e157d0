#include "neurons/training/losses.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/data/dataset.hpp"
#include "neurons/graph/kinds.hpp"
#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

/// The mean over all but the batch dimension: [batch, …] → [batch].
Value mean_of_outputs(Value values) {
  std::vector<std::int64_t> axes;
  for (int axis = 1; axis < values.shape().rank(); ++axis) axes.push_back(axis);
  if (axes.empty()) return values;
  return emit_with("ReduceMean", {values}, {{"axes", axes}, {"keep_dims", false}});
}

Value sum_of_classes(Value values) {
  return emit_with("ReduceSum", {values}, {{"axes", std::vector<std::int64_t>{-1}}, {"keep_dims", false}});
}

Value sum_of_batch(Value values) {
  return emit_with("ReduceSum", {values}, {{"axes", std::vector<std::int64_t>{0}}, {"keep_dims", false}});
}

/// Of one number for each step of each sequence, those of the sequences: [batch · time] → [batch].
Value sum_of_steps(Value steps, const Shape& shape) { return sum_of_classes(reshape(steps, shape)); }

bool is_of_sequences(const Value& prediction) { return prediction.shape().rank() == 3; }

/// What counts of a value, where `missing` says what does not: 0 there, whatever stands there, and no gradient flows to it.
Value counted(Value missing, Value value) {
  Graph& graph = value.graph();
  return graph.emit("Where", {missing, graph.scalar(0), value});
}

/// Which labels are kIgnoredLabel.
Value is_ignored(Value labels) {
  Graph& graph = labels.graph();
  return graph.emit("Equal", {labels, graph.constant(Tensor::of<std::int64_t>({}, {kIgnoredLabel}))});
}

Value count(Value missing) { return counted(missing, missing.graph().scalar(1)); }

/// Row losses where `loss` gives a number for each output, whose mean is the row's. Targets of sequences [batch, time, outputs]
/// that are NaN count nowhere.
template <typename LossOf>
RowLosses loss_of_outputs(Value prediction, Value target, const LossOf& loss) {
  if (!is_of_sequences(prediction)) return {mean_of_outputs(loss(prediction, target)), {}};
  const Value missing = target.graph().emit("IsNaN", {target});
  const auto outputs = static_cast<double>(prediction.shape()[-1]);
  const auto of_row = [&](Value values) {
    return emit_with("ReduceSum", {values}, {{"axes", std::vector<std::int64_t>{1, 2}}, {"keep_dims", false}}) / outputs;
  };
  return {of_row(counted(missing, loss(counted(missing, prediction), counted(missing, target)))), of_row(count(missing))};
}

/// Row losses where `loss` gives a number for each row of predictions and targets [rows, classes]. Of sequences [batch, time,
/// classes] each step is one; steps whose target holds a NaN count nowhere.
template <typename LossOf>
RowLosses loss_of_rows(Value prediction, Value target, const LossOf& loss) {
  if (!is_of_sequences(prediction)) return {loss(prediction, target), {}};
  const Shape sequences{prediction.shape()[0], prediction.shape()[1]};
  const Shape rows{sequences.elements(), prediction.shape()[-1]};
  const Value wanted = reshape(target, rows);
  const Value missing = target.graph().emit("IsNaN", {sum_of_classes(wanted)});
  const Value missing_row = reshape(missing, {rows[0], 1});
  const Value losses = loss(counted(missing_row, reshape(prediction, rows)), counted(missing_row, wanted));
  return {sum_of_steps(counted(missing, losses), sequences), sum_of_steps(count(missing), sequences)};
}

Value log_softmax(Value logits) { return emit_with("LogSoftmax", {logits}, {{"axis", std::int64_t{-1}}}); }

void require_classes(std::string_view loss, const TensorType& prediction) {
  if (prediction.shape.rank() != 2) {
    fail_input("loss {}: expects predictions [batch, classes], got {}; add Flatten{{}} before the last layer", loss,
               prediction.shape.to_string());
  }
}

/// The same, or [batch, time, classes].
void require_classes_of_steps(std::string_view loss, const TensorType& prediction) {
  if (prediction.shape.rank() != 3) require_classes(loss, prediction);
}

/// A class has an output of its own.
TensorType labels_of_classes(std::string_view loss, const TensorType& prediction) {
  if (prediction.shape[-1] < 2) {
    fail_input(
        "loss {}: class labels need an output for each class, the network has {}; give the last layer as many units as there "
        "are classes, or use binary_cross_entropy for two",
        loss, prediction.shape.to_string());
  }
  return {DType::i64, Shape(prediction.shape.extents().first(static_cast<std::size_t>(prediction.shape.rank() - 1)))};
}

/// Shares of classes: the softmax of a single output is always 1, and nothing would be learnt.
TensorType shares_of_classes(std::string_view loss, const TensorType& prediction) {
  if (prediction.shape[-1] < 2) {
    fail_input("loss {}: needs an output for each class, the network has {}; for real-valued targets use mse, mae or huber", loss,
               prediction.shape.to_string());
  }
  return prediction;
}

/// Real targets of the prediction's own shape.
TensorType real_targets(std::string_view loss, const TensorType& prediction, bool labels) {
  if (labels) fail_input("loss {}: the data has class labels; use cross_entropy, or give real-valued targets", loss);
  return prediction;
}

Value whole_number(Graph& graph, std::int64_t number) { return graph.constant(Tensor::of<std::int64_t>({}, std::vector{number})); }

Value constant_row(Graph& graph, const std::vector<float>& values) {
  return graph.constant(Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values));
}

}  // namespace

TensorType CrossEntropy::target_type(const TensorType& prediction, bool labels) const {
  require_classes_of_steps(kKind, prediction);
  const std::int64_t classes = prediction.shape[-1];
  if (!class_weights.empty() && static_cast<std::int64_t>(class_weights.size()) != classes) {
    fail_input("loss cross_entropy: {} class weights for {} classes", class_weights.size(), classes);
  }
  for (const float weight : class_weights) {
    if (!(weight >= 0 && std::isfinite(weight))) fail_input("loss cross_entropy: the class weight {} must be at least 0", weight);
  }
  if (!class_weights.empty() && std::ranges::all_of(class_weights, [](float weight) { return weight == 0; })) {
    fail_input("loss cross_entropy: all class weights are 0: no sample would count; give the classes that matter a weight above 0");
  }
  if (!(label_smoothing >= 0.0F && label_smoothing <= 1.0F)) {
    fail_input("loss cross_entropy: label_smoothing = {} must be in [0, 1]", label_smoothing);
  }
  return labels ? labels_of_classes(kKind, prediction) : shares_of_classes(kKind, prediction);
}

RowLosses CrossEntropy::build(Graph& graph, Value prediction, Value target) const {
  const Value weights = class_weights.empty() ? Value{} : constant_row(graph, class_weights);
  if (target.type().dtype == DType::i64) {
    const OpDef& op = graph.table()->find("CrossEntropy");
    const Options options = op.default_options.with({{"label_smoothing", static_cast<double>(label_smoothing)}});
    const std::int64_t steps = target.shape().elements();
    const std::vector<Value> inputs = {reshape(prediction, {steps, prediction.shape()[-1]}), reshape(target, {steps}), weights};
    const auto outputs = graph.emit_all(op, inputs, options);
    if (target.shape().rank() == 1) return {outputs[0], weights ? outputs[1] : Value{}};
    return {sum_of_steps(outputs[0], target.shape()), sum_of_steps(outputs[1], target.shape())};
  }
  const double smoothing = static_cast<double>(label_smoothing);
  const double classes = static_cast<double>(prediction.shape()[-1]);
  Value wanted = smoothing == 0 ? target : target * (1 - smoothing) + smoothing / classes;
  if (weights) wanted = wanted * weights;
  return loss_of_rows(prediction, wanted, [](Value x, Value t) { return -sum_of_classes(t * log_softmax(x)); });
}

TensorType BinaryCrossEntropy::target_type(const TensorType& prediction, bool labels) const {
  if (!labels) return prediction;
  const Shape& shape = prediction.shape;
  if (shape.rank() == 3 && shape[2] == 1) return {DType::i64, {shape[0], shape[1]}};
  if (shape.elements() != shape[0]) {
    fail_input("loss binary_cross_entropy: class labels need one output a sample, the network has {}; use cross_entropy",
               shape.to_string());
  }
  return {DType::i64, {shape[0]}};
}

RowLosses BinaryCrossEntropy::build(Graph& graph, Value prediction, Value target) const {
  if (target.type().dtype == DType::i64) {
    const Value labels = reshape(target, prediction.shape());
    target = emit_with("Cast", {labels}, {{"to", std::string("f32")}});
    if (is_of_sequences(prediction)) target = graph.emit("Where", {is_ignored(labels), graph.scalar(std::nan("")), target});
  }
  return loss_of_outputs(prediction, target, [&](Value x, Value t) { return graph.emit("Softplus", {x}) - x * t; });
}

TensorType MeanSquaredError::target_type(const TensorType& prediction, bool labels) const {
  return real_targets(kKind, prediction, labels);
}

RowLosses MeanSquaredError::build(Graph&, Value prediction, Value target) const {
  return loss_of_outputs(prediction, target, [](Value x, Value t) {
    const Value difference = x - t;
    return difference * difference;
  });
}

TensorType MeanAbsoluteError::target_type(const TensorType& prediction, bool labels) const {
  return real_targets(kKind, prediction, labels);
}

RowLosses MeanAbsoluteError::build(Graph& graph, Value prediction, Value target) const {
  return loss_of_outputs(prediction, target, [&](Value x, Value t) { return graph.emit("Abs", {x - t}); });
}

TensorType Huber::target_type(const TensorType& prediction, bool labels) const {
  if (!(delta > 0.0F)) fail_input("loss huber: delta = {} must be positive", delta);
  return real_targets(kKind, prediction, labels);
}

RowLosses Huber::build(Graph& graph, Value prediction, Value target) const {
  // With q = min(|d|, delta): ½q² + delta · (|d| - q).
  const double bound = static_cast<double>(delta);
  return loss_of_outputs(prediction, target, [&](Value x, Value t) {
    const Value distance = graph.emit("Abs", {x - t});
    const Value quadratic = graph.emit("Min", {distance, graph.scalar(bound)});
    return 0.5 * (quadratic * quadratic) + bound * (distance - quadratic);
  });
}

TensorType Hinge::target_type(const TensorType& prediction, bool labels) const {
  require_classes_of_steps(kKind, prediction);
  if (!labels) fail_input("loss hinge: needs class labels, the data has real-valued targets; use mse, mae or huber");
  return labels_of_classes(kKind, prediction);
}

RowLosses Hinge::build(Graph& graph, Value prediction, Value target) const {
  const std::int64_t classes = prediction.shape()[-1];
  const auto loss = [&](Value scores, Value labels) {
    const Value chosen = emit_with("OneHot", {labels}, {{"depth", classes}});
    const Value own = emit_with("ReduceSum", {scores * chosen}, {{"axes", std::vector<std::int64_t>{-1}}, {"keep_dims", true}});
    const Value exists = graph.emit("And", {graph.emit("GreaterOrEqual", {labels, whole_number(graph, 0)}),
                                            graph.emit("Less", {labels, whole_number(graph, classes)})});
    const Value column = reshape(exists, own.shape());
    const Value score = graph.emit("Where", {column, own, graph.scalar(std::nan(""))});  // shows, as it does in cross-entropy
    const Value violations = graph.emit("Relu", {scores - score + static_cast<double>(margin)}) * (1.0 - chosen);
    return sum_of_classes(violations) / static_cast<double>(classes);
  };
  if (!is_of_sequences(prediction)) return {loss(prediction, target), {}};
  const std::int64_t steps = target.shape().elements();
  const Value labels = reshape(target, {steps});
  const Value missing = is_ignored(labels);
  const Value none = graph.constant(Tensor(DType::i64, {}));
  const Value losses = loss(counted(reshape(missing, {steps, 1}), reshape(prediction, {steps, classes})),
                            graph.emit("Where", {missing, none, labels}));
  return {sum_of_steps(counted(missing, losses), target.shape()), sum_of_steps(count(missing), target.shape())};
}

TensorType KlDivergence::target_type(const TensorType& prediction, bool labels) const {
  require_classes_of_steps(kKind, prediction);
  return shares_of_classes(kKind, real_targets(kKind, prediction, labels));
}

RowLosses KlDivergence::build(Graph& graph, Value prediction, Value target) const {
  return loss_of_rows(prediction, target, [&](Value x, Value t) {
    const Value positive = graph.emit("Greater", {t, graph.scalar(0)});
    const Value safe = graph.emit("Where", {positive, t, graph.scalar(1)});  // log 1 = 0 where the target is 0
    return sum_of_classes(t * (graph.emit("Log", {safe}) - log_softmax(x)));
  });
}

TensorType CosineDistance::target_type(const TensorType& prediction, bool labels) const {
  require_classes_of_steps(kKind, prediction);
  return real_targets(kKind, prediction, labels);
}

RowLosses CosineDistance::build(Graph& graph, Value prediction, Value target) const {
  constexpr double kSmallest = 1e-8;  // as PyTorch: |x| |t| is at least this
  return loss_of_rows(prediction, target, [&](Value x, Value t) {
    const Value squares = sum_of_classes(x * x) * sum_of_classes(t * t);
    const Value lengths = graph.emit("Sqrt", {graph.emit("Max", {squares, graph.scalar(kSmallest * kSmallest)})});
    return 1.0 - sum_of_classes(x * t) / lengths;
  });
}

BatchLoss batch_loss(const Loss& loss, Value prediction, Value target, Value sample_weights) {
  Graph& graph = prediction.graph();
  RowLosses rows = loss.build(graph, prediction, target);
  const bool differ = static_cast<bool>(rows.weights);
  if (sample_weights) {
    rows.losses = rows.losses * sample_weights;
    rows.weights = rows.weights ? rows.weights * sample_weights : sample_weights;
  }
  if (!rows.weights) {
    const Value mean = emit_with("ReduceMean", {rows.losses}, {{"axes", std::vector<std::int64_t>{0}}, {"keep_dims", false}});
    return {mean, graph.scalar(static_cast<double>(prediction.shape()[0])), differ};
  }
  constexpr double kSmallest = 1e-30;  // 0 / 0 is 0: nothing to learn from
  const Value weight = sum_of_batch(rows.weights);
  return {sum_of_batch(rows.losses) / graph.emit("Max", {weight, graph.scalar(kSmallest)}), weight, differ};
}

Value mean_loss(const Loss& loss, Value prediction, Value target, Value sample_weights) {
  return batch_loss(loss, prediction, target, sample_weights).mean;
}

const std::map<std::string, Loss>& loss_kinds() {
  static const auto kKinds = table_of_kinds<Loss, CrossEntropy, BinaryCrossEntropy, MeanSquaredError, MeanAbsoluteError, Huber,
                                            Hinge, KlDivergence, CosineDistance>();
  return kKinds;
}

const Loss& loss_of_kind(const std::string& kind) { return find_kind(loss_kinds(), "loss", kind); }

}  // namespace neurons
