#pragma once
/// How good predictions are. All agree with scikit-learn's of that name; a ratio of nothing to nothing is 0.

#include <cstdint>
#include <vector>

#include "neurons/tensor/tensor.hpp"

namespace neurons {

struct ClassScores {
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  std::int64_t support = 0;  ///< samples of this class
};

struct ClassificationReport {
  double accuracy = 0;
  std::vector<double> top_k;         ///< [k-1]: share of samples whose class is among the k largest, k ≤ min(5, classes)
  std::vector<ClassScores> classes;  ///< by label
  std::vector<std::vector<std::int64_t>> confusion;  ///< [true class][predicted class]
  double macro_f1 = 0;                               ///< mean over the classes
  double roc_auc =
      0;  ///< two classes: of the second one's probability; more: mean of one-against-rest; NaN where a class is missing
};

/// `scores` f32 [samples, classes] are logits (or [samples, 1]: one logit of the second of two classes); `labels` i64 [samples].
/// Throws InputError where shapes or labels do not fit.
ClassificationReport classification_report(const Tensor& scores, const Tensor& labels);

struct RegressionReport {
  double mse = 0;
  double rmse = 0;
  double mae = 0;
  double r2 = 0;  ///< mean over the outputs whose target varies; NaN where none does
};

/// Both f32 [samples, outputs]; a target that is NaN counts nowhere. Throws InputError where shapes differ.
RegressionReport regression_report(const Tensor& predictions, const Tensor& targets);

}  // namespace neurons
