#pragma once
/// How good a model is on data.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "neurons/data/dataset.hpp"
#include "neurons/spec/model.hpp"
#include "neurons/training/metrics.hpp"

namespace neurons {

/// How good a forecast without a network is on the same data.
struct BaselineReport {
  std::string name;         ///< "naive", "seasonal_naive"
  RegressionReport report;  ///< in the target's own units
};

/// How good a forecast of one column is, in its own units.
struct ColumnReport {
  std::string name;
  RegressionReport report;
  std::vector<BaselineReport> baselines;
};

struct Evaluation {
  std::int64_t samples = 0;
  double loss = 0;  ///< the training's loss, its mean over the samples
  Tensor outputs;   ///< what the network said: f32 [samples, outputs…]
  std::optional<ClassificationReport> classification;
  std::optional<double> nats_per_character;    ///< of texts: the mean of −log p over the characters that were judged
  std::optional<RegressionReport> regression;  ///< in the target's own units
  std::vector<BaselineReport> baselines;       ///< of forecasts
  std::vector<ColumnReport> columns;           ///< of forecasts of more than one column
};

/// The data at `path`, which may be the name of a bundled data set, as the model wants them (the test part where they come in two);
/// null: the test part of the model's own spec. Labels are matched by class names. Of a table, a foreign model is given the columns
/// in their order as they are, the target (the bundled set's own, or the last column) left out. Throws InputError where data and
/// model do not fit together.
Dataset evaluation_data(const Model& model, const std::filesystem::path* path, std::span<const std::filesystem::path> places = {});

/// The model as these data want it judged: what a foreign model's outputs are, classes or values, is told by the targets; a
/// model for any length is for that of the data. Others stay.
Model judged_by(Model model, const Dataset& data);

/// `threads` 0: one for each core.
Evaluation evaluate(const Model& model, const Dataset& data, int threads = 0);

}  // namespace neurons
