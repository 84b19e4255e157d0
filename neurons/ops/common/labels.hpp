#pragma once
/// Class labels as graph values.

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

/// f32 [rows, classes]: 1 at the label of each row, 0 elsewhere; a row of zeros where the label is `ignore_index` or no class.
/// `labels` are integers of shape [rows].
Value label_mask(Value labels, std::int64_t classes, std::int64_t ignore_index);

/// Scores [n, classes, d1, …] as rows [n · d1 · …, classes].
Value scores_as_rows(Value scores);

/// Losses [rows] as the "mean" over `row_weights`, the "sum", or ("none") each, in `shape`.
Value reduce_losses(Value losses, Value row_weights, const std::string& reduction, const Shape& shape);

/// Checks scores [n, classes, d1, …], labels [n, d1, …] and class weights [classes] of ONNX's losses, and the reduction's name;
/// returns the type of the loss.
TensorType label_loss_type(const InferContext& context, const std::string& reduction);

}  // namespace neurons::ops
