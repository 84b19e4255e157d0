// Ten training steps of a narrow ResNet-20 against PyTorch's (tests/fixtures/resnet.npz), and what its plans are made of.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "neurons/base/testing/near_largest.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/kernels/simd_targets_test.hpp"
#include "neurons/networks/networks.hpp"
#include "neurons/training/learner.hpp"

namespace neurons {
namespace {

constexpr std::int64_t kRows = 8;
constexpr int kSteps = 10;

class ResNet : public ::testing::Test {
 protected:
  const Tensor& at(const std::string& name) const { return fixture_.at(name); }

  /// Pictures [first, first + rows) as the network sees them.
  void fill(const TensorView& view, std::int64_t first, std::int64_t rows) const {
    const auto bytes = at("inputs").values<std::uint8_t>();
    const std::int64_t numbers = at("inputs").elements() / at("inputs").shape()[0];
    const auto picture = bytes.subspan(static_cast<std::size_t>(first * numbers), static_cast<std::size_t>(rows * numbers));
    std::ranges::transform(picture, view.values<float>().begin(),
                           [](std::uint8_t byte) { return static_cast<float>(byte) / 128 - 1; });
  }

  Learner trained(int threads) const {
    Network network = build(ResNet20{.width = 2}, {3, 16, 16});
    for (const auto& [name, type] : network.parameter_types()) network.set_parameter(name, at("initial/" + name));
    Learner learner(std::move(network),
                    {.optimizer = Sgd{.learning_rate = 0.02F, .momentum = 0.9F}, .team = std::make_shared<ThreadTeam>(threads)});
    for (int step = 0; step < kSteps; ++step) {
      const std::int64_t first = kRows * step % at("inputs").shape()[0];
      const Batch& batch = learner.batch(kRows);
      fill(batch.inputs[0], first, kRows);
      std::copy_n(at("labels").values<std::int64_t>().begin() + first, kRows, batch.target.values<std::int64_t>().begin());
      const StepResult result = learner.step(kRows);
      EXPECT_NEAR(static_cast<double>(result.loss), at("losses").values<double>()[static_cast<std::size_t>(step)], 1e-5)
          << "step " << step;
    }
    return learner;
  }

 private:
  std::map<std::string, Tensor> fixture_ = read_npz(std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures/resnet.npz");
};

/// PyTorch's own single precision ends within 8e-7.
void expect_near(std::span<const float> found, std::span<const float> expected, const std::string& what) {
  testing::expect_near_largest(found, expected, what);
}

TEST_F(ResNet, EndsWherePyTorchsEnds) {
  Learner learner = trained(1);
  const auto& parameters = learner.network().parameters();
  EXPECT_EQ(parameters.size(), 21U * 5 + 2);
  for (const auto& [name, tensor] : parameters) expect_near(tensor.values<float>(), at("final/" + name).values<float>(), name);
  const std::int64_t samples = at("inputs").shape()[0];
  Plan& inference = learner.inference(samples);
  fill(inference.input("x"), 0, samples);
  inference.run();
  expect_near(inference.output("y").values<float>(), at("inference").values<float>(), "inference");
}

TEST_F(ResNet, IsTheSameBitsAtOneAndTwoThreads) {
  Learner alone = trained(1);
  Learner together = trained(2);
  for (const auto& [name, tensor] : alone.network().parameters()) EXPECT_EQ(tensor, together.network().parameter(name)) << name;
}

TEST_F(ResNet, EndsAlikeOnEverySimdTarget) {
  Learner best = trained(1);
  for (const std::int64_t target : kernels::simd_targets()) {
    const std::string name_of_target = kernels::simd_target_name(target);
    kernels::use_simd_target(target);
    Learner other = trained(1);
    kernels::use_simd_target(0);
    for (const auto& [name, tensor] : best.network().parameters()) {
      expect_near(other.network().parameter(name).values<float>(), tensor.values<float>(), name_of_target + ": " + name);
    }
  }
}

}  // namespace
}  // namespace neurons
