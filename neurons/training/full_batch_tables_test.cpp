/// Full-batch methods on real tables against scikit-learn on the same splits: tests/fixtures/splits.npz. The peer's figures are
/// what `python benchmarks/compare_sklearn.py diabetes wine --sklearn-only` prints.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "neurons/data/readers/csv.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/training/full_batch.hpp"
#include "neurons/training/learner.hpp"
#include "neurons/training/metrics.hpp"

namespace neurons {
namespace {

constexpr int kSeeds = 5;

/// All columns but the last, as floats; the last as labels (in order of appearance) or, if numeric, as values.
Dataset table(const std::string& name) {
  const Table csv = read_csv(NEURONS_SOURCE_DIR "/data/" + name + "/" + name + ".csv");
  const std::int64_t rows = csv.rows();
  const std::int64_t features = csv.column_count() - 1;
  Dataset data;
  data.inputs = Tensor(DType::f32, {rows, features});
  const Column& last = csv.columns.back();
  data.targets = last.is_numeric ? Tensor(DType::f32, {rows, 1}) : Tensor(DType::i64, {rows});
  for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(features); ++c) {
      data.inputs.values<float>()[r * static_cast<std::size_t>(features) + c] = static_cast<float>(csv.columns[c].numbers[r]);
    }
    if (last.is_numeric) {
      data.targets.values<float>()[r] = static_cast<float>(last.numbers[r]);
      continue;
    }
    const auto known = std::ranges::find(data.class_names, last.texts[r]);
    data.targets.values<std::int64_t>()[r] = known - data.class_names.begin();
    if (known == data.class_names.end()) data.class_names.push_back(last.texts[r]);
  }
  return data;
}

std::shared_ptr<ThreadTeam> one_thread() { return std::make_shared<ThreadTeam>(1); }

struct Scale {
  std::vector<double> mean;
  std::vector<double> deviation;
};

Scale scale_of(const Tensor& tensor) {
  const auto columns = static_cast<std::size_t>(tensor.shape()[1]);
  const auto rows = static_cast<double>(tensor.shape()[0]);
  Scale scale{std::vector<double>(columns), std::vector<double>(columns)};
  const auto values = tensor.values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) scale.mean[i % columns] += static_cast<double>(values[i]) / rows;
  for (std::size_t i = 0; i < values.size(); ++i) {
    scale.deviation[i % columns] += std::pow(static_cast<double>(values[i]) - scale.mean[i % columns], 2) / rows;
  }
  for (double& deviation : scale.deviation) deviation = std::sqrt(deviation);
  return scale;
}

void standardise(Tensor& tensor, const Scale& scale) {
  const auto values = tensor.values<float>();
  const std::size_t columns = scale.mean.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>((static_cast<double>(values[i]) - scale.mean[i % columns]) / scale.deviation[i % columns]);
  }
}

/// The split of that seed, inputs (and values to regress on) standardised by the training part.
TrainTest split(const std::string& name, int seed) {
  static const auto kSplits = read_npz(NEURONS_SOURCE_DIR "/tests/fixtures/splits.npz");
  const Dataset all = table(name);
  const auto test = kSplits.at(name + "/" + std::to_string(seed)).values<std::int64_t>();
  std::vector<std::int64_t> train;
  for (std::int64_t row = 0; row < all.samples(); ++row) {
    if (!std::ranges::binary_search(test, row)) train.push_back(row);
  }
  TrainTest parts{all.subset(train), all.subset(test)};
  const Scale inputs = scale_of(parts.train.inputs);
  standardise(parts.train.inputs, inputs);
  standardise(parts.test.inputs, inputs);
  if (!all.is_classification()) {
    const Scale targets = scale_of(parts.train.targets);
    standardise(parts.train.targets, targets);
    standardise(parts.test.targets, targets);
  }
  return parts;
}

Tensor predictions(const Network& network, const Dataset& data) {
  Learner learner(network, {.loss = MeanSquaredError{}, .team = one_thread()});
  Plan& plan = learner.inference(data.samples());
  plan.input("x").assign(data.inputs);
  plan.run();
  const TensorView output = plan.output("y");
  return Tensor::of<float>(output.shape, std::vector<float>(output.values<float>().begin(), output.values<float>().end()));
}

/// Mean R² over the test parts of diabetes.
double mean_r2(std::int64_t neurons, const LevenbergMarquardt& method, double l2, int most_iterations) {
  double sum = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    const TrainTest parts = split("diabetes", seed);
    Network network = Sequential{{10}, Dense{neurons, "tanh"}, Dense{1}};
    network.initialize(static_cast<std::uint64_t>(seed));
    const auto run = start_full_batch(method, network, parts.train, {.loss = MeanSquaredError{}, .l2 = l2, .team = one_thread()});
    for (int i = 0; i < most_iterations && !run->iterate().converged; ++i) continue;
    sum += regression_report(predictions(run->network(), parts.test), parts.test.targets).r2;
  }
  return sum / kSeeds;
}

// MLPRegressor reaches 0.3675, 0.4376, 0.4386, 0.4302 and 0.4919 with the best of five settings by cross-validation inside the
// training part (always 8 tanh neurons with strong decay), 0.2224, 0.3206, 0.3903, 0.4284 and 0.4667 with its default one.
constexpr double kPeerChosen = 0.4331;
constexpr double kPeerDefault = 0.3657;
// Other vectors round in another order, and training unfolds what they leave.
constexpr double kVectors = 0.002;

TEST(FullBatchTables, MarquardtWithDecayGeneralisesOnDiabetes) {
  constexpr double kDecay = 15 * 2.0 / 331;  // ½ · 15 Σw² beside ½ Σr² over 331 samples; the peer's strong decay is 10 there
  EXPECT_GE(mean_r2(16, {}, kDecay, 40), kPeerChosen - kVectors);  // 0.4341 with AVX-512
}

TEST(FullBatchTables, BayesianMarquardtNeedsNoChoices) {
  EXPECT_GE(mean_r2(4, {.bayesian = true}, 0, 60), kPeerDefault + 0.05);  // 0.4311 with AVX-512
}

// MLPClassifier: 1, 0.9778, 0.9778, 1, 0.9778, both with its default network and with the one chosen inside the training part.
TEST(FullBatchTables, LbfgsClassifiesWine) {
  double ours = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    const TrainTest parts = split("wine", seed);
    Network network = Sequential{{13}, Dense{16, "tanh"}, Dense{3}};
    network.initialize(static_cast<std::uint64_t>(seed));
    const auto run = start_full_batch(Lbfgs{.gradient_tolerance = 1e-5}, network, parts.train, {.l2 = 1e-2, .team = one_thread()});
    for (int i = 0; i < 300 && !run->iterate().converged; ++i) continue;
    const double accuracy = classification_report(predictions(run->network(), parts.test), parts.test.targets).accuracy;
    ours += accuracy / kSeeds;
  }
  EXPECT_GE(ours, 0.9866);
}

}  // namespace
}  // namespace neurons
