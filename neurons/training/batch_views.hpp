#pragma once
/// Where the loader puts a batch of a network with one input, or with two: sequences and their lengths.

#include "neurons/data/loader.hpp"
#include "neurons/training/learner.hpp"

namespace neurons {

inline BatchViews views_of(const Batch& batch) {
  BatchViews views{batch.inputs.front(), batch.target, std::nullopt};
  if (batch.weights.data != nullptr) views.weights = batch.weights;
  if (batch.inputs.size() > 1) views.lengths = batch.inputs[1];
  return views;
}

/// In how many columns such a batch takes class labels; 0: as labels.
inline std::int64_t label_columns(const Batch& batch) { return batch.target.dtype == DType::f32 ? batch.target.shape[-1] : 0; }

}  // namespace neurons
