#include "neurons/layers/dropout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "neurons/base/testing.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/run_network_testing.hpp"

namespace neurons {
namespace {

using ::testing::Each;

constexpr std::int64_t kSamples = 50;
constexpr std::int64_t kColumns = 200;

/// What training makes of ones.
std::vector<float> dropped(const Network& network, std::int64_t step, std::int64_t rows = kSamples) {
  const Tensor ones = testing::matrix_of({rows, kColumns}, std::vector<float>(static_cast<std::size_t>(rows * kColumns), 1.0F));
  const Tensor number = Tensor::of<std::int64_t>({}, std::vector<std::int64_t>{step});
  return testing::run_network(network, {{"x", ones}, {"step", number}}, Mode::training).at("y");
}

Network network_of(float ratio, std::uint64_t seed, const std::string& name = "") {
  Network network;
  network.output("y", network.add(Dropout{ratio}, network.input("x", {kColumns}), name));
  network.set_seed(seed);
  return network;
}

TEST(Dropout, KeepsTheRightShareAndScalesIt) {
  for (const float ratio : {0.1F, 0.5F, 0.9F}) {
    const auto values = dropped(network_of(ratio, 1), 0);
    const float kept = 1 / (1 - ratio);
    std::size_t zeros = 0;
    for (const float value : values) {
      if (value == 0) {
        ++zeros;
      } else {
        EXPECT_FLOAT_EQ(value, kept);
      }
    }
    const auto count = static_cast<double>(values.size());
    const auto share = static_cast<double>(ratio);
    EXPECT_NEAR(static_cast<double>(zeros) / count, share, 5 * std::sqrt(share * (1 - share) / count));
  }
}

TEST(Dropout, DependsOnSeedLayerAndStepAlone) {
  const auto mask = dropped(network_of(0.5F, 1), 7);
  EXPECT_EQ(mask, dropped(network_of(0.5F, 1), 7));
  EXPECT_NE(mask, dropped(network_of(0.5F, 1), 8)) << "another step";
  EXPECT_NE(mask, dropped(network_of(0.5F, 2), 7)) << "another seed";
  EXPECT_NE(mask, dropped(network_of(0.5F, 1, "other"), 7)) << "another layer";
  auto first_rows = dropped(network_of(0.5F, 1), 7, 3);
  EXPECT_TRUE(std::equal(first_rows.begin(), first_rows.end(), mask.begin())) << "whatever the batch";
}

TEST(Dropout, DropsNeighboursIndependently) {
  const auto mask = dropped(network_of(0.5F, 3), 0);
  int equal = 0;
  for (std::size_t i = 1; i < mask.size(); ++i) equal += (mask[i] == mask[i - 1]) ? 1 : 0;
  EXPECT_NEAR(equal, static_cast<double>(mask.size()) / 2, 5 * std::sqrt(static_cast<double>(mask.size())) / 2);
}

TEST(Dropout, IsNothingInInferenceOrWithoutARatio) {
  Graph graph(network_of(0.5F, 1).table());
  network_of(0.5F, 1).build(graph, 2, Mode::inference);
  EXPECT_TRUE(graph.nodes().empty());
  Graph training(graph.table());
  network_of(0, 1).build(training, 2, Mode::training);
  EXPECT_TRUE(training.nodes().empty());
}

/// What training makes of ones [samples, channels, height, width].
std::vector<float> spatially_dropped(const Layer& layer, const Shape& shape) {
  Network network;
  network.output("y", network.add(layer, network.input("x", Shape(shape.extents().subspan(1)))));
  network.set_seed(1);
  const Tensor ones = Tensor::of<float>(shape, std::vector<float>(static_cast<std::size_t>(shape.elements()), 1.0F));
  const Tensor number = Tensor::of<std::int64_t>({}, std::vector<std::int64_t>{3});
  return testing::run_network(network, {{"x", ones}, {"step", number}}, Mode::training).at("y");
}

TEST(SpatialDropout, DropsWholeChannels) {
  for (const float ratio : {0.25F, 0.5F}) {
    constexpr std::size_t kChannels = 40 * 50;
    const auto values = spatially_dropped(SpatialDropout{ratio}, {40, 50, 3, 5});
    std::size_t zeros = 0;
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
      const std::span<const float> places(values.data() + channel * 15, 15);
      EXPECT_THAT(places, Each(places[0])) << "channel " << channel;
      if (places[0] == 0) {
        ++zeros;
      } else {
        EXPECT_FLOAT_EQ(places[0], 1 / (1 - ratio));
      }
    }
    const auto share = static_cast<double>(ratio);
    EXPECT_NEAR(static_cast<double>(zeros) / kChannels, share, 5 * std::sqrt(share * (1 - share) / kChannels));
  }
}

TEST(SpatialDropout, IsNothingInInferenceAndSaysWhatItTakes) {
  const auto network = [](const Shape& sample) { return Sequential(sample, SpatialDropout{0.5F}); };
  Graph graph(network({4, 8}).table());
  network({4, 8}).build(graph, 2, Mode::inference);
  EXPECT_TRUE(graph.nodes().empty());
  EXPECT_EQ(testing::message_of([&] { network({8}).initialize(1); }),
            "spatial_dropout1: expects [batch, channels, places…], got [1, 8]; Dropout takes any shape");
  EXPECT_EQ(testing::message_of([] {
              Sequential({4, 8}, SpatialDropout{1.0F}).initialize(1);
            }),
            "spatial_dropout1: ratio = 1 must be in [0, 1)");
}

TEST(Dropout, RefusesRatiosThatKeepNothing) {
  for (const auto& [ratio, text] : {std::pair(1.0F, "1"), std::pair(-0.5F, "-0.5"), std::pair(std::nanf(""), "nan")}) {
    EXPECT_EQ(testing::message_of([ratio = ratio] {
                Graph graph(network_of(ratio, 1).table());
                network_of(ratio, 1).build(graph, 2, Mode::training);
              }),
              std::string("dropout1: ratio = ") + text + " must be in [0, 1)");
  }
}

}  // namespace
}  // namespace neurons
