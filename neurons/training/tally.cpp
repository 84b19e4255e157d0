#include "neurons/training/tally.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "neurons/data/loader.hpp"
#include "neurons/training/batch_views.hpp"

namespace neurons {
namespace {

double ratio_or_nan(double sum, double count) { return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / count; }

/// The label of a row, or the class that has the largest share in it.
std::size_t label_of(const TensorView& labels, std::size_t row) {
  if (labels.dtype == DType::i64) return static_cast<std::size_t>(labels.values<std::int64_t>()[row]);
  const auto columns = static_cast<std::size_t>(labels.shape[1]);
  const auto shares = labels.values<float>().subspan(row * columns, columns);
  if (columns == 1) return shares[0] > 0.5F ? 1 : 0;
  return static_cast<std::size_t>(std::ranges::max_element(shares) - shares.begin());
}

}  // namespace

double Tally::mean_loss() const { return ratio_or_nan(loss, weight); }
double Tally::accuracy() const { return ratio_or_nan(static_cast<double>(correct), static_cast<double>(labels)); }
double Tally::rmse() const { return std::sqrt(ratio_or_nan(squares, static_cast<double>(outputs))); }

std::int64_t count_correct(const TensorView& prediction, const TensorView& labels) {
  const auto scores = prediction.values<float>();
  const bool shares = labels.dtype == DType::f32;
  const auto rows = static_cast<std::size_t>(shares ? labels.shape[0] : labels.shape.elements());
  const std::size_t classes = rows == 0 ? 0 : scores.size() / rows;
  std::int64_t correct = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const float* first = scores.data() + row * classes;
    if (!shares && labels.values<std::int64_t>()[row] == kIgnoredLabel) continue;
    const std::size_t label = label_of(labels, row);
    if (classes == 1) {
      correct += (*first > 0) == (label == 1) ? 1 : 0;
      continue;
    }
    const float score = first[label];
    unsigned beaten = std::isnan(score) ? 1 : 0;
    for (std::size_t c = 0; c < classes; ++c) {  // without a branch: which class is largest cannot be predicted
      beaten |=
          static_cast<unsigned>(first[c] > score) | (static_cast<unsigned>(first[c] == score) & static_cast<unsigned>(c < label));
    }
    correct += beaten == 0 ? 1 : 0;
  }
  return correct;
}

std::int64_t count_labels(const TensorView& labels) {
  if (labels.dtype == DType::f32) return labels.shape[0];
  const auto values = labels.values<std::int64_t>();
  return static_cast<std::int64_t>(values.size()) - std::ranges::count(values, kIgnoredLabel);
}

SquaredErrors squared_errors(const TensorView& prediction, const TensorView& target) {
  const auto said = prediction.values<float>();
  const auto wanted = target.values<float>();
  const bool of_steps = target.shape.rank() == 3;
  SquaredErrors errors;
  for (std::size_t i = 0; i < said.size(); ++i) {
    if (of_steps && std::isnan(wanted[i])) continue;
    const double error = static_cast<double>(said[i]) - static_cast<double>(wanted[i]);
    errors.sum += error * error;
    ++errors.outputs;
  }
  return errors;
}

Tally evaluate(Learner& learner, const Dataset& data, std::int64_t batch_size) {
  const bool stream = learner.options().carry_state;
  const std::int64_t rows = stream ? 1 : std::min(batch_size, data.samples());
  if (stream) learner.reset_evaluation_state();
  Loader loader(data, {.batch_size = rows, .shuffle = false, .label_columns = label_columns(learner.evaluation_batch(rows))});
  const auto start = [&](int slot) { loader.start(views_of(learner.evaluation_batch(loader.next_rows(), slot))); };
  Tally tally;
  start(0);
  for (int slot = 0;; slot = 1 - slot) {
    const BatchInfo info = loader.wait();
    if (!info.last_of_epoch) start(1 - slot);
    const Learner::Evaluation result = learner.evaluate(info.rows, slot);
    tally.loss += static_cast<double>(result.loss) * static_cast<double>(result.weight);
    tally.weight += static_cast<double>(result.weight);
    tally.samples += info.rows;
    const TensorView& target = learner.evaluation_batch(info.rows, slot).target;
    if (data.is_classification()) {
      tally.correct += count_correct(result.prediction, target);
      tally.labels += count_labels(target);
    } else {
      const SquaredErrors errors = squared_errors(result.prediction, target);
      tally.squares += errors.sum;
      tally.outputs += errors.outputs;
    }
    if (info.last_of_epoch) return tally;
  }
}

}  // namespace neurons
