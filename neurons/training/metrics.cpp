#include "neurons/training/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

void require_finite(std::span<const float> values, std::int64_t columns, std::string_view what) {
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (bad == values.end()) return;
  const std::int64_t place = bad - values.begin();
  fail_input("metrics: {} {} of sample {} is {}; metrics need finite numbers", what, place % columns, place / columns, *bad);
}

/// Scores as [samples][classes]: one logit becomes the two of "no" and "yes".
std::vector<std::vector<double>> rows_of(const Tensor& scores) {
  const auto samples = static_cast<std::size_t>(scores.shape()[0]);
  const auto columns = static_cast<std::size_t>(scores.shape()[1]);
  const auto values = scores.values<float>();
  std::vector<std::vector<double>> rows(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    if (columns == 1) rows[i].push_back(0);
    for (std::size_t c = 0; c < columns; ++c) rows[i].push_back(static_cast<double>(values[i * columns + c]));
  }
  return rows;
}

/// The share of (positive, negative) pairs in which the positive has the larger score, ties counting half: the area under the ROC
/// curve (Mann–Whitney U). Scores that differ by no more than rounding, `tolerance` of 1 or of their size, are ties. NaN without a
/// positive or a negative.
double area_under_roc(const std::vector<double>& scores, const std::vector<bool>& positive, double tolerance) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return scores[i]; });
  double pairs = 0;
  double negatives = 0;  // with smaller scores
  double positives = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    const double least = scores[order[begin]];
    const double tied_to = least + tolerance * std::max(1.0, std::abs(least));
    std::size_t end = begin;
    double tied_positives = 0;
    while (end < order.size() && scores[order[end]] <= tied_to) tied_positives += positive[order[end++]] ? 1 : 0;
    const double tied_negatives = static_cast<double>(end - begin) - tied_positives;
    pairs += tied_positives * (negatives + tied_negatives / 2);
    negatives += tied_negatives;
    positives += tied_positives;
    begin = end;
  }
  return positives > 0 && negatives > 0 ? pairs / (positives * negatives) : kNaN;
}

/// The logarithm of p / (1 - p) for each class of each row: orders samples as p does, and saturates neither at 0 nor at 1.
std::vector<std::vector<double>> log_odds(std::vector<std::vector<double>> rows) {
  for (std::vector<double>& row : rows) {
    const auto first = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    const double largest = row[first];
    double second = -std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < row.size(); ++c) second = c == first ? second : std::max(second, row[c]);
    double others = 0;  // than the first: of this sum its own term would leave nothing where it is nearly all
    for (std::size_t c = 0; c < row.size(); ++c) others += c == first ? 0 : std::exp(row[c] - second);
    const double whole = 1 + others * std::exp(second - largest);
    for (std::size_t c = 0; c < row.size(); ++c) {
      row[c] = c == first ? largest - second - std::log(others) : row[c] - largest - std::log(whole - std::exp(row[c] - largest));
    }
  }
  return rows;
}

double roc_auc(const std::vector<std::vector<double>>& rows, std::span<const std::int64_t> labels, std::size_t classes) {
  std::vector<bool> occurs(classes, false);
  for (const std::int64_t label : labels) occurs[static_cast<std::size_t>(label)] = true;
  if (std::ranges::find(occurs, false) != occurs.end()) return kNaN;
  // Rows of the same numbers in another order add up to sums that differ in their last bits.
  constexpr double kRounding = 1e-12;
  const auto odds = classes == 2 ? std::vector<std::vector<double>>() : log_odds(rows);
  double sum = 0;
  const std::size_t first = classes == 2 ? 1 : 0;
  for (std::size_t label = first; label < classes; ++label) {
    std::vector<double> scores;
    std::vector<bool> positive;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      scores.push_back(classes == 2 ? rows[i][1] - rows[i][0] : odds[i][label]);
      positive.push_back(labels[i] == static_cast<std::int64_t>(label));
    }
    sum += area_under_roc(scores, positive, classes == 2 ? 0 : kRounding);
  }
  return sum / static_cast<double>(classes - first);
}

}  // namespace

ClassificationReport classification_report(const Tensor& scores, const Tensor& labels) {
  const auto expect = [&](bool holds) {
    if (holds) return;
    fail_input("metrics: expects scores f32[samples, classes] and labels i64[samples], got {} and {}", scores.type().to_string(),
               labels.type().to_string());
  };
  expect(scores.dtype() == DType::f32 && scores.shape().rank() == 2 && labels.dtype() == DType::i64 && labels.shape().rank() == 1);
  expect(scores.shape()[0] == labels.shape()[0]);
  const std::int64_t samples = scores.shape()[0];
  if (samples == 0 || scores.shape()[1] == 0) fail_input("metrics: there is nothing to measure in {}", scores.type().to_string());
  require_finite(scores.values<float>(), scores.shape()[1], "score");
  const std::vector<std::vector<double>> rows = rows_of(scores);
  const std::size_t classes = rows.front().size();
  const auto truths = labels.values<std::int64_t>();

  ClassificationReport report;
  report.confusion.assign(classes, std::vector<std::int64_t>(classes, 0));
  std::vector<double> at_rank(classes, 0);  // samples whose own class is the k-th largest
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (truths[i] < 0 || truths[i] >= static_cast<std::int64_t>(classes)) {
      fail_input("metrics: label {} of sample {} is no class of 0 … {}", truths[i], i, classes - 1);
    }
    const auto truth = static_cast<std::size_t>(truths[i]);
    const auto predicted = static_cast<std::size_t>(std::ranges::max_element(rows[i]) - rows[i].begin());
    std::size_t rank = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      if (rows[i][c] > rows[i][truth] || (rows[i][c] == rows[i][truth] && c < truth)) ++rank;
    }
    ++report.confusion[truth][predicted];
    ++at_rank[rank];
  }

  constexpr std::size_t kLargestK = 5;
  double within = 0;
  for (std::size_t k = 0; k < std::min(kLargestK, classes); ++k) {
    within += at_rank[k];
    report.top_k.push_back(within / static_cast<double>(samples));
  }
  report.accuracy = report.top_k.front();
  for (std::size_t c = 0; c < classes; ++c) {
    ClassScores score;
    std::int64_t predicted = 0;
    for (std::size_t other = 0; other < classes; ++other) {
      score.support += report.confusion[c][other];
      predicted += report.confusion[other][c];
    }
    const auto right = static_cast<double>(report.confusion[c][c]);
    score.precision = ratio(right, static_cast<double>(predicted));
    score.recall = ratio(right, static_cast<double>(score.support));
    score.f1 = ratio(2 * right, static_cast<double>(predicted + score.support));
    report.macro_f1 += score.f1 / static_cast<double>(classes);
    report.classes.push_back(score);
  }
  report.roc_auc = classes < 2 ? kNaN : roc_auc(rows, truths, classes);
  return report;
}

RegressionReport regression_report(const Tensor& predictions, const Tensor& targets) {
  if (predictions.type() != targets.type() || predictions.dtype() != DType::f32 || predictions.shape().rank() != 2) {
    fail_input("metrics: expects predictions and targets f32[samples, outputs] of one shape, got {} and {}",
               predictions.type().to_string(), targets.type().to_string());
  }
  if (predictions.elements() == 0) fail_input("metrics: there is nothing to measure in {}", predictions.type().to_string());
  const std::int64_t outputs = predictions.shape()[1];
  const auto wanted = targets.values<float>();
  std::vector<float> found(predictions.values<float>().begin(), predictions.values<float>().end());
  std::vector<float> judged(wanted.begin(), wanted.end());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (std::isnan(wanted[i])) found[i] = judged[i] = 0;
  }
  require_finite(found, outputs, "prediction");
  require_finite(judged, outputs, "target");
  RegressionReport report;
  std::int64_t varying = 0;
  double count = 0;
  for (std::size_t o = 0; o < static_cast<std::size_t>(outputs); ++o) {
    const auto for_each = [&](const auto& visit) {
      for (std::size_t i = o; i < wanted.size(); i += static_cast<std::size_t>(outputs)) {
        if (!std::isnan(wanted[i])) visit(static_cast<double>(found[i]), static_cast<double>(wanted[i]));
      }
    };
    double samples = 0;
    for_each([&](double, double) { ++samples; });
    double mean = 0;
    double squares = 0;
    for_each([&](double said, double target) {
      const double error = said - target;
      squares += error * error;
      report.mae += std::abs(error);
      mean += target / samples;
    });
    double spread = 0;
    for_each([&](double, double target) { spread += std::pow(target - mean, 2); });
    const bool constant = spread <= 1e-24 * samples * mean * mean;  // what rounding leaves of 0
    report.mse += squares;
    count += samples;
    if (constant) continue;  // a corner of pictures that is always black, say, tells nothing
    ++varying;
    report.r2 += 1 - squares / spread;
  }
  if (count == 0) fail_input("metrics: there is nothing to measure: every target is NaN");
  report.r2 = varying == 0 ? kNaN : report.r2 / static_cast<double>(varying);
  report.mse /= count;
  report.mae /= count;
  report.rmse = std::sqrt(report.mse);
  return report;
}

}  // namespace neurons
