// Ten training steps of ResNet-20 against PyTorch's: of a narrow one, whose sums are all direct (tests/fixtures/resnet.npz), and of
// one of the usual width, whose windows of 3 × 3 are Winograd's (resnet_wide.npz).

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

constexpr int kSteps = 10;

class ResNet : public ::testing::Test {
 protected:
  ResNet(const char* file, std::int64_t width, double loss_tolerance)
      : fixture_(read_npz(std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures" / file)),
        width_(width),
        loss_tolerance_(loss_tolerance) {}

  const Tensor& at(const std::string& name) const { return fixture_.at(name); }

  /// The parameters before the first step.
  virtual std::map<std::string, Tensor> initial() const = 0;

  /// Pictures [first, first + rows) as the network sees them.
  void fill(const TensorView& view, std::int64_t first, std::int64_t rows) const {
    const auto bytes = at("inputs").values<std::uint8_t>();
    const std::int64_t numbers = at("inputs").elements() / at("inputs").shape()[0];
    const auto picture = bytes.subspan(static_cast<std::size_t>(first * numbers), static_cast<std::size_t>(rows * numbers));
    std::ranges::transform(picture, view.values<float>().begin(),
                           [](std::uint8_t byte) { return static_cast<float>(byte) / 128 - 1; });
  }

  Network network() const {
    const Shape& inputs = at("inputs").shape();
    return build(ResNet20{.width = width_}, {inputs[1], inputs[2], inputs[3]});
  }

  std::int64_t rows() const { return at("batch").values<std::int64_t>()[0]; }

  Learner trained(int threads) const {
    Network trained = network();
    for (const auto& [name, tensor] : initial()) trained.set_parameter(name, tensor);
    Learner learner(std::move(trained),
                    {.optimizer = Sgd{.learning_rate = static_cast<float>(at("rate").values<double>()[0]), .momentum = 0.9F},
                     .team = std::make_shared<ThreadTeam>(threads)});
    for (int step = 0; step < kSteps; ++step) {
      const std::int64_t first = rows() * step % at("inputs").shape()[0];
      const Batch& batch = learner.batch(rows());
      fill(batch.inputs[0], first, rows());
      std::copy_n(at("labels").values<std::int64_t>().begin() + first, rows(), batch.target.values<std::int64_t>().begin());
      const StepResult result = learner.step(rows());
      EXPECT_NEAR(static_cast<double>(result.loss), at("losses").values<double>()[static_cast<std::size_t>(step)], loss_tolerance_)
          << "step " << step;
    }
    return learner;
  }

  std::vector<float> said_of_all(Learner& learner) const {
    const std::int64_t samples = at("inputs").shape()[0];
    Plan& inference = learner.inference(samples);
    fill(inference.input("x"), 0, samples);
    inference.run();
    const auto y = inference.output("y").values<float>();
    return {y.begin(), y.end()};
  }

  void expect_same_bits_at_one_and_two_threads() const {
    Learner alone = trained(1);
    Learner together = trained(2);
    for (const auto& [name, tensor] : alone.network().parameters()) EXPECT_EQ(tensor, together.network().parameter(name)) << name;
  }

 private:
  std::map<std::string, Tensor> fixture_;
  std::int64_t width_;
  double loss_tolerance_;
};

class NarrowResNet : public ResNet {
 protected:
  NarrowResNet() : ResNet("resnet.npz", 2, 1e-5) {}
  std::map<std::string, Tensor> initial() const override {
    std::map<std::string, Tensor> result;
    for (const auto& [name, type] : network().parameter_types()) result.emplace(name, at("initial/" + name));
    return result;
  }
};

/// PyTorch's own single precision ends within 8e-7.
void expect_near(std::span<const float> found, std::span<const float> expected, const std::string& what) {
  testing::expect_near_largest(found, expected, what);
}

TEST_F(NarrowResNet, EndsWherePyTorchsEnds) {
  Learner learner = trained(1);
  const auto& parameters = learner.network().parameters();
  EXPECT_EQ(parameters.size(), 21U * 5 + 2);
  for (const auto& [name, tensor] : parameters) expect_near(tensor.values<float>(), at("final/" + name).values<float>(), name);
  expect_near(said_of_all(learner), at("inference").values<float>(), "inference");
}

TEST_F(NarrowResNet, IsTheSameBitsAtOneAndTwoThreads) { expect_same_bits_at_one_and_two_threads(); }

TEST_F(NarrowResNet, EndsAlikeOnEverySimdTarget) {
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

class WideResNet : public ResNet {
 protected:
  WideResNet() : ResNet("resnet_wide.npz", 16, kTolerance) {}
  static constexpr double kTolerance = 2e-5;      // 1e-5 is enough for an AVX-512 machine's targets
  static constexpr double kSaidTolerance = 5e-5;  // 2.4e-5

  /// Numbers that follow from how many came before: counted() of make_resnet.py.
  std::map<std::string, Tensor> initial() const override {
    std::map<std::string, Tensor> result;
    for (const auto& [name, type] : network().parameter_types()) result.emplace(name, Tensor(type));
    std::uint32_t count = 0;
    for (auto& [name, tensor] : result) {
      const auto values = tensor.values<float>();
      if (name.find("running_") != std::string::npos) {
        std::ranges::fill(values, name.ends_with("var") ? 1.0F : 0.0F);
        continue;
      }
      const bool has_windows = tensor.shape().rank() > 1;
      const double inputs = static_cast<double>(tensor.elements()) / static_cast<double>(tensor.shape()[0]);
      for (float& value : values) {
        std::uint32_t x = count++;
        x ^= x >> 16;
        x *= 0x85EBCA6BU;
        x ^= x >> 13;
        x *= 0xC2B2AE35U;
        x ^= x >> 16;
        value = static_cast<float>(x >> 8) / 0x1p24F - 0.5F;
        if (has_windows) {
          value *= static_cast<float>(std::sqrt(24 / inputs));
        } else {
          value = name.ends_with("weight") ? value + 1 : value * 0.25F;
        }
      }
    }
    return result;
  }

  /// Its losses, and of each parameter how far it came and some of its numbers.
  void expect_ends_where_pytorchs_ends() const {
    Learner learner = trained(1);
    const auto start = initial();
    const auto samples = at("samples").values<double>();
    std::size_t sample = 0;
    std::size_t place = 0;
    for (const auto& [name, tensor] : learner.network().parameters()) {
      const auto values = tensor.values<float>();
      const double largest = at("largest").values<double>()[place];
      const std::size_t step = (values.size() + 15) / 16;
      for (std::size_t i = 0; i < values.size(); i += step, ++sample) {
        EXPECT_NEAR(static_cast<double>(values[i]), samples[sample], kTolerance * largest) << name << ", number " << i;
      }
      double change = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        change += std::pow(static_cast<double>(values[i]) - static_cast<double>(start.at(name).values<float>()[i]), 2);
      }
      const double expected = at("changes").values<double>()[place++];
      EXPECT_NEAR(std::sqrt(change), expected, kTolerance * expected + 1e-7) << "change of " << name;
    }
    EXPECT_EQ(sample, samples.size());
    const auto said = said_of_all(learner);
    const auto expected = at("inference").values<float>();
    for (std::size_t i = 0; i < said.size(); ++i) {
      EXPECT_NEAR(said[i], expected[i], kSaidTolerance * std::max(1.0F, std::abs(expected[i]))) << "inference, " << i;
    }
  }
};

TEST_F(WideResNet, EndsWherePyTorchsEndsOnEverySimdTarget) {
  for (const std::int64_t target : kernels::simd_targets()) {
    SCOPED_TRACE(kernels::simd_target_name(target));
    kernels::use_simd_target(target);
    expect_ends_where_pytorchs_ends();
    kernels::use_simd_target(0);
  }
}

TEST_F(WideResNet, IsTheSameBitsAtOneAndTwoThreads) { expect_same_bits_at_one_and_two_threads(); }

/// What the wide one is for.
TEST_F(WideResNet, IsMadeOfWinogradsKernels) {
  Learner learner = trained(1);
  std::map<std::string, int> counts;
  for (const PlanStep& step : learner.training_plan(rows()).steps()) {
    if (step.kernel.starts_with("winograd")) ++counts[step.op];
  }
  EXPECT_EQ(counts["ConvolutionSum"], 11);
  EXPECT_EQ(counts["ConvolutionSumInputGradient"], 11);
  EXPECT_EQ(counts["ConvolutionSumWeightGradient"], 11);
}

}  // namespace
}  // namespace neurons
