#include "neurons/training/tally.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "neurons/data/loader.hpp"
#include "neurons/training/batch_views.hpp"

namespace neurons {
namespace {

double ratio(double sum, double count) { return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / count; }

}  // namespace

double Tally::mean_loss() const { return ratio(loss, weight); }
double Tally::accuracy() const { return ratio(static_cast<double>(correct), static_cast<double>(samples)); }
double Tally::rmse() const { return std::sqrt(ratio(squares, static_cast<double>(outputs))); }

std::int64_t count_correct(const TensorView& prediction, const TensorView& labels) {
  const auto scores = prediction.values<float>();
  const auto truths = labels.values<std::int64_t>();
  const std::size_t classes = truths.empty() ? 0 : scores.size() / truths.size();
  std::int64_t correct = 0;
  for (std::size_t row = 0; row < truths.size(); ++row) {
    const float* first = scores.data() + row * classes;
    const auto label = static_cast<std::size_t>(truths[row]);
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

double sum_of_squared_errors(const TensorView& prediction, const TensorView& target) {
  const auto said = prediction.values<float>();
  const auto wanted = target.values<float>();
  double sum = 0;
  for (std::size_t i = 0; i < said.size(); ++i) {
    const double error = static_cast<double>(said[i]) - static_cast<double>(wanted[i]);
    sum += error * error;
  }
  return sum;
}

Tally evaluate(Learner& learner, const Dataset& data, std::int64_t batch_size) {
  Loader loader(data, {.batch_size = std::min(batch_size, data.samples()), .shuffle = false});
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
    } else {
      tally.squares += sum_of_squared_errors(result.prediction, target);
      tally.outputs += target.shape.elements();
    }
    if (info.last_of_epoch) return tally;
  }
}

}  // namespace neurons
