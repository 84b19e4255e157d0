// Ten training steps of recurrent networks on padded sequences against PyTorch's (tests/fixtures/recurrent.npz).

#include "neurons/layers/recurrent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "neurons/base/testing/near_largest.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/training/learner.hpp"

namespace neurons {
namespace {

constexpr std::int64_t kRows = 8;
constexpr int kSteps = 10;

struct NamedLayer {
  std::string name;
  Layer layer;
};
std::ostream& operator<<(std::ostream& out, const NamedLayer& named) { return out << named.name; }

class Recurrent : public ::testing::TestWithParam<NamedLayer> {
 protected:
  static const std::map<std::string, Tensor>& fixture() {
    static const auto kArrays = read_npz(std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures/recurrent.npz");
    return kArrays;
  }
  const Tensor& own(const std::string& part) const { return fixture().at(GetParam().name + "/" + part); }

  Network network() const {
    Network result;
    const auto x = result.input("x", {7, 5});
    const auto lengths = result.input("lengths", {}, DType::i64);
    result.output("y", result.add(Dense{4}, result.add(GetParam().layer, {x, lengths}, "recurrent"), "dense"));
    for (const auto& [name, type] : result.parameter_types()) result.set_parameter(name, own("initial/" + name));
    return result;
  }

  /// The fixture's steps. `padding` replaces the numbers of the steps that do not exist.
  Learner trained(int threads, float padding = std::numeric_limits<float>::quiet_NaN()) const {
    const auto inputs = fixture().at("inputs").values<float>();
    const auto lengths = fixture().at("lengths").values<std::int64_t>();
    const auto labels = fixture().at("labels").values<std::int64_t>();
    Learner learner(network(),
                    {.optimizer = Sgd{.learning_rate = 0.1F, .momentum = 0.9F}, .team = std::make_shared<ThreadTeam>(threads)});
    for (int step = 0; step < kSteps; ++step) {
      const std::int64_t first = kRows * step % fixture().at("inputs").shape()[0];
      const Batch& batch = learner.batch(kRows);
      const auto x = batch.inputs[0].values<float>();
      std::copy_n(inputs.begin() + first * 35, kRows * 35, x.begin());
      std::copy_n(lengths.begin() + first, kRows, batch.inputs[1].values<std::int64_t>().begin());
      std::copy_n(labels.begin() + first, kRows, batch.target.values<std::int64_t>().begin());
      for (std::int64_t row = 0; row < kRows && !std::isnan(padding); ++row) {
        for (std::int64_t t = lengths[static_cast<std::size_t>(first + row)]; t < 7; ++t) {
          std::fill_n(x.begin() + (row * 7 + t) * 5, 5, padding);
        }
      }
      losses_.push_back(learner.step(kRows).loss);
    }
    return learner;
  }
  mutable std::vector<float> losses_;
};

INSTANTIATE_TEST_SUITE_P(PyTorch, Recurrent,
                         ::testing::Values(NamedLayer{"lstm", Lstm{.hidden = 12}},
                                           NamedLayer{"lstm_deep", Lstm{.hidden = 12, .layers = 2, .bidirectional = true}},
                                           NamedLayer{"gru", Gru{.hidden = 12}},
                                           NamedLayer{"gru_deep", Gru{.hidden = 12, .layers = 2, .bidirectional = true}},
                                           NamedLayer{"gru_reset_before", Gru{.hidden = 12, .reset_after = false}},
                                           NamedLayer{"simple_rnn", SimpleRnn{.hidden = 12}}),
                         [](const auto& chosen) { return chosen.param.name; });

/// PyTorch's own single precision ends within 3e-7.
void expect_near(std::span<const float> found, std::span<const double> expected, const std::string& what) {
  testing::expect_near_largest(found, expected, what);
}

TEST_P(Recurrent, EndsWherePyTorchsEnds) {
  Learner learner = trained(1);
  for (int step = 0; step < kSteps; ++step) {
    const auto place = static_cast<std::size_t>(step);
    EXPECT_NEAR(static_cast<double>(losses_[place]), own("losses").values<double>()[place], 1e-5) << "step " << step;
  }
  for (const auto& [name, tensor] : learner.network().parameters()) {
    const Tensor expected = own("final/" + name).cast(DType::f64);
    expect_near(tensor.values<float>(), expected.values<double>(), name);
  }
  Plan& inference = learner.inference(32);
  inference.input("x").assign(fixture().at("inputs"));
  inference.input("lengths").assign(fixture().at("lengths"));
  inference.run();
  expect_near(inference.output("y").values<float>(), own("inference").values<double>(), "inference");
}

TEST_P(Recurrent, IsTheSameBitsAtOneAndTwoThreads) {
  Learner alone = trained(1);
  Learner together = trained(2);
  for (const auto& [name, tensor] : alone.network().parameters()) EXPECT_EQ(tensor, together.network().parameter(name)) << name;
}

/// One step of SGD with rate 1 moves the parameters by the gradients; clipped, by as much as the norm allows in the same direction.
TEST_P(Recurrent, ClipsItsGradientsTogether) {
  const auto moved = [this](double clip_norm) {
    Learner learner(network(), {.optimizer = Sgd{.learning_rate = 1.0F}, .clip_norm = clip_norm});
    const Batch& batch = learner.batch(kRows);
    std::ranges::copy(fixture().at("inputs").values<float>().first(kRows * 35), batch.inputs[0].values<float>().begin());
    std::ranges::copy(fixture().at("lengths").values<std::int64_t>().first(kRows), batch.inputs[1].values<std::int64_t>().begin());
    std::ranges::copy(fixture().at("labels").values<std::int64_t>().first(kRows), batch.target.values<std::int64_t>().begin());
    learner.step(kRows);
    std::vector<double> steps;
    for (const auto& [name, tensor] : learner.network().parameters()) {
      const auto before = own("initial/" + name).values<float>();
      const auto after = tensor.values<float>();
      for (std::size_t i = 0; i < after.size(); ++i)
        steps.push_back(static_cast<double>(after[i]) - static_cast<double>(before[i]));
    }
    return steps;
  };
  const auto whole = moved(0);
  const auto clipped = moved(0.125);
  double square = 0;
  for (const double step : whole) square += step * step;
  ASSERT_GT(square, 0.125 * 0.125);
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(clipped[i], whole[i] * 0.125 / std::sqrt(square), 1e-6) << i;
}

TEST_P(Recurrent, LearnsNothingFromStepsThatDoNotExist) {
  Learner one = trained(1);
  Learner other = trained(1, 1e6F);
  EXPECT_EQ(std::vector(losses_.begin(), losses_.begin() + kSteps), std::vector(losses_.begin() + kSteps, losses_.end()));
  for (const auto& [name, tensor] : one.network().parameters()) EXPECT_EQ(tensor, other.network().parameter(name)) << name;
}

}  // namespace
}  // namespace neurons
