#pragma once
/// Where the loader puts a batch of a network with one input.

#include "neurons/data/loader.hpp"
#include "neurons/training/learner.hpp"

namespace neurons {

inline BatchViews views_of(const Batch& batch) {
  BatchViews views{batch.inputs.front(), batch.target, std::nullopt};
  if (batch.weights.data != nullptr) views.weights = batch.weights;
  return views;
}

}  // namespace neurons
