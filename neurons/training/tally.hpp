#pragma once
/// Running sums over batches, from which an epoch's or a data set's numbers come.

#include <cstdint>

#include "neurons/data/dataset.hpp"
#include "neurons/tensor/tensor.hpp"
#include "neurons/training/learner.hpp"

namespace neurons {

struct Tally {
  double loss = 0;    ///< Σ weight · mean loss of the batch
  double weight = 0;  ///< Σ weight of the batch
  std::int64_t samples = 0;
  std::int64_t correct = 0;  ///< of `labels`
  double squares = 0;        ///< Σ (prediction - target)² over all outputs
  std::int64_t outputs = 0;
  std::int64_t labels = 0;  ///< one a sample, or a step of a sequence

  double mean_loss() const;
  double accuracy() const;
  double rmse() const;
};

/// Rows of `prediction` [rows, classes] or [rows, time, classes] whose largest element (the first, where several are) is the
/// label's; with one output a row, a positive one means class 1. Labels must be classes, or kIgnoredLabel; they may be f32 [rows,
/// classes], the shares of classes, of which the largest counts.
std::int64_t count_correct(const TensorView& prediction, const TensorView& labels);
/// Labels that are not kIgnoredLabel.
std::int64_t count_labels(const TensorView& labels);

/// Σ (prediction - target)² over all targets but those of steps that are NaN, and how many these are.
struct SquaredErrors {
  double sum = 0;
  std::int64_t outputs = 0;
};
SquaredErrors squared_errors(const TensorView& prediction, const TensorView& target);

/// A whole data set in inference mode, in batches of at most `batch_size`; as one stream where the learner carries state.
Tally evaluate(Learner& learner, const Dataset& data, std::int64_t batch_size);

}  // namespace neurons
