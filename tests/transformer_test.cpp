// Ten training steps of a small transformer with padding against PyTorch's (tests/fixtures/transformer.npz).

#include "neurons/layers/transformer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "neurons/base/testing/near_largest.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/training/learner.hpp"

namespace neurons {
namespace {

constexpr std::int64_t kRows = 4;
constexpr int kSteps = 10;
constexpr std::int64_t kTime = 7;
constexpr std::int64_t kTokens = 11;

Network transformer() {
  Network network;
  const auto tokens = network.input("x", {kTime}, DType::i64);
  const auto mask = network.add(PaddingMask{}, tokens);
  const auto x = network.add(LearnedPositions{}, network.add(Embedding{kTokens, 8}, tokens));
  const auto memory = network.add(TransformerEncoder{.heads = 2, .feed_forward = 12}, {x, mask});
  const auto read = network.add(TransformerDecoder{.heads = 2, .feed_forward = 12}, {x, memory, mask});
  const TransformerEncoder block{
      .heads = 2, .feed_forward = 12, .activation = "relu", .causal = true, .post_norm = true, .kv_heads = 1, .rotary = true};
  network.output("y", network.add(Dense{kTokens}, network.add(LayerNorm{}, network.add(block, read))));
  return network;
}

class Transformer : public ::testing::Test {
 protected:
  const Tensor& at(const std::string& name) const { return fixture_.at(name); }

  void fill(const TensorView& view, const std::string& name, std::int64_t first) const {
    const auto values = at(name).values<std::int64_t>();
    std::copy_n(values.begin() + first * kTime, view.shape.elements(), view.values<std::int64_t>().begin());
  }

  Network initial() const {
    Network network = transformer();
    for (const auto& [name, type] : network.parameter_types()) network.set_parameter(name, at("initial/" + name));
    return network;
  }

  Learner trained(int threads) const {
    Learner learner(initial(),
                    {.optimizer = Sgd{.learning_rate = 0.05F, .momentum = 0.9F}, .team = std::make_shared<ThreadTeam>(threads)});
    for (int step = 0; step < kSteps; ++step) {
      const std::int64_t first = kRows * step % at("inputs").shape()[0];
      const Batch& batch = learner.batch(kRows);
      fill(batch.inputs[0], "inputs", first);
      fill(batch.target, "labels", first);
      const StepResult result = learner.step(kRows);
      EXPECT_NEAR(static_cast<double>(result.loss), at("losses").values<double>()[static_cast<std::size_t>(step)], 1e-5)
          << "step " << step;
    }
    return learner;
  }

 private:
  std::map<std::string, Tensor> fixture_ = read_npz(std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures/transformer.npz");
};

/// PyTorch's own single precision ends within 5.2e-7.
void expect_near(std::span<const float> found, std::span<const float> expected, const std::string& what) {
  testing::expect_near_largest(found, expected, what);
}

TEST_F(Transformer, EndsWherePyTorchsEnds) {
  Learner learner = trained(1);
  const auto& parameters = learner.network().parameters();
  EXPECT_EQ(parameters.size(), 2U + 16 + 26 + 16 + 4);
  for (const auto& [name, tensor] : parameters) expect_near(tensor.values<float>(), at("final/" + name).values<float>(), name);
  Plan& inference = learner.inference(at("inputs").shape()[0]);
  fill(inference.input("x"), "inputs", 0);
  inference.run();
  expect_near(inference.output("y").values<float>(), at("inference").values<float>(), "inference");
}

TEST_F(Transformer, IsTheSameBitsAtOneAndTwoThreads) {
  Learner alone = trained(1);
  Learner together = trained(2);
  for (const auto& [name, tensor] : alone.network().parameters()) EXPECT_EQ(tensor, together.network().parameter(name)) << name;
}

/// What stands in the padding, and how much of it there is, changes neither loss nor weights.
TEST_F(Transformer, PaddingNeverCounts) {
  const auto learn = [&](std::int64_t other_embedding) {
    Network network = initial();
    Tensor table = network.parameter("embedding1.weight");
    for (float& value : table.values<float>().first(8)) value += static_cast<float>(other_embedding);
    network.set_parameter("embedding1.weight", table);
    Learner learner(std::move(network), {.optimizer = Sgd{.learning_rate = 0.05F}, .team = std::make_shared<ThreadTeam>(1)});
    const Batch& batch = learner.batch(kRows);
    fill(batch.inputs[0], "inputs", 0);
    fill(batch.target, "labels", 0);
    EXPECT_TRUE(learner.step(kRows).finite);
    return learner.network().parameters();
  };
  const auto plain = learn(0);
  auto changed = learn(3);
  for (const auto& [name, tensor] : plain) {
    if (name != "embedding1.weight") {
      EXPECT_EQ(tensor, changed.at(name)) << name;
    } else {  // the row of padding has no gradient
      const auto row = changed.at(name).values<float>().first(8);
      const auto before = at("initial/" + name).values<float>().first(8);
      for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(row[i], before[i] + 3);
    }
  }
}

}  // namespace
}  // namespace neurons
