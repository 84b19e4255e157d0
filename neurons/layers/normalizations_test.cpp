#include "neurons/layers/normalizations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurons/base/testing.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/run_network_testing.hpp"
#include "neurons/layers/summary.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::matrix_of;
using testing::message_of;

Network normalized(const Shape& sample, const Layer& layer) {
  Network network = Sequential(sample, std::vector<Layer>{layer});
  network.initialize(1);
  return network;
}

std::vector<float> run(const Network& network, const Tensor& x, Mode mode) {
  return testing::run_network(network, {{"x", x}}, mode).at("y");
}

void expect_near(const std::vector<float>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(static_cast<double>(found[i]), expected[i], 1e-5) << i;
}

TEST(BatchNorm, NormalisesByTheBatchInTrainingByTheRunningStatisticsInInference) {
  Network network = normalized({2}, BatchNorm{.epsilon = 1e-12F});
  const Tensor x = matrix_of({2, 2}, {1, 10, 3, 50});
  expect_near(run(network, x, Mode::training), {-1, -1, 1, 1});
  expect_near(run(network, x, Mode::inference), {1, 10, 3, 50});
  network.set_parameter("batch_norm1.running_mean", matrix_of({2}, {2, 20}));
  network.set_parameter("batch_norm1.running_var", matrix_of({2}, {4, 100}));
  network.set_parameter("batch_norm1.weight", matrix_of({2}, {1, 3}));
  network.set_parameter("batch_norm1.bias", matrix_of({2}, {0, 7}));
  expect_near(run(network, x, Mode::inference), {-0.5, 4, 0.5, 16});
}

TEST(BatchNorm, TrainsNoStatistics) {
  Network network = normalized({3, 4, 4}, BatchNorm{});
  const auto names = [](const auto& parameters) {
    std::vector<std::string> result;
    for (const auto& [name, type] : parameters) result.push_back(name);
    return result;
  };
  EXPECT_THAT(names(network.parameter_types()),
              ElementsAre("batch_norm1.weight", "batch_norm1.bias", "batch_norm1.running_mean", "batch_norm1.running_var"));
  EXPECT_THAT(names(network.trained_parameters()), ElementsAre("batch_norm1.weight", "batch_norm1.bias"));
  EXPECT_EQ(summarize(network).front().parameters, 12);
  EXPECT_EQ(summarize(network).front().trained, 6);
  network.freeze("batch_norm1.weight");
  EXPECT_THAT(names(network.trained_parameters()), ElementsAre("batch_norm1.bias"));
}

TEST(BatchNorm, FrozenTrainsByItsRunningStatistics) {
  Network network = normalized({2}, BatchNorm{.epsilon = 1e-12F});
  network.freeze("batch_norm1.*");
  expect_near(run(network, matrix_of({2, 2}, {1, 10, 3, 50}), Mode::training), {1, 10, 3, 50});
  Graph graph(network.table());
  network.build(graph, 2, Mode::training);
  EXPECT_TRUE(graph.assignments().empty());
}

TEST(BatchNorm, RefusesWhatHasNoStatistics) {
  const auto refusal = [](const Shape& sample, const BatchNorm& layer, std::int64_t batch, Mode mode) {
    return message_of([&] {
      Network network = Sequential(sample, layer);
      Graph graph(network.table());
      network.build(graph, batch, mode);
    });
  };
  EXPECT_EQ(refusal({4}, {}, 1, Mode::training),
            "batch_norm1: a batch [1, 4] has one value of each channel, which has no variance; choose a batch_size that leaves no "
            "last batch of one");
  EXPECT_EQ(refusal({4}, {}, 1, Mode::inference), "nothing thrown");
  EXPECT_EQ(refusal({4, 2}, {}, 1, Mode::training), "nothing thrown");
  EXPECT_EQ(refusal({}, {}, 3, Mode::training), "batch_norm1: expects [batch, channels, …], got [3]");
  EXPECT_EQ(refusal({4}, {.momentum = 1.5F}, 3, Mode::training), "batch_norm1: momentum = 1.5 must be in [0, 1]");
  EXPECT_EQ(refusal({4}, {.epsilon = 0}, 3, Mode::training), "batch_norm1: epsilon = 0 must be above 0");
  EXPECT_THAT(message_of([] {
                Network network;
                const auto once = network.add(BatchNorm{}, network.input("x", {4}));
                network.output("y", network.share("batch_norm1", {once}));
                Graph graph(network.table());
                network.build(graph, 3, Mode::training);
              }),
              HasSubstr("batch_norm1: cannot be shared"));
}

TEST(LayerNorm, NormalisesTheAxesFromItsOwnOn) {
  expect_near(run(normalized({2}, LayerNorm{.epsilon = 1e-12F}), matrix_of({2, 2}, {1, 3, 10, 50}), Mode::inference),
              {-1, 1, -1, 1});
  const Network whole = normalized({2, 3, 5}, LayerNorm{.axis = 1});
  EXPECT_EQ(whole.parameter("layer_norm1.weight").shape(), (Shape{2, 3, 5}));
  EXPECT_EQ(normalized({2, 3, 5}, LayerNorm{}).parameter("layer_norm1.bias").shape(), (Shape{5}));
  for (const std::int64_t axis : {0, 4, -4}) {
    EXPECT_EQ(message_of([&] {
                normalized({2, 3, 5}, LayerNorm{.axis = axis});
              }),
              "layer_norm1: axis = " + std::to_string(axis) +
                  " is none of [1, 2, 3, 5] behind the batch; choose 1 to 3, or -1 for the last");
  }
}

TEST(RmsNorm, DividesByTheRoot) {
  const Network network = normalized({2}, RmsNorm{.epsilon = 1e-12F});
  const double root = std::sqrt(12.5);
  expect_near(run(network, matrix_of({1, 2}, {3, -4}), Mode::training), {3 / root, -4 / root});
  EXPECT_EQ(network.parameters().size(), 1U);
}

TEST(GroupNorm, NormalisesGroupsOfChannels) {
  const Tensor x = matrix_of({1, 4, 1}, {1, 3, 10, 50});
  expect_near(run(normalized({4, 1}, GroupNorm{.groups = 2, .epsilon = 1e-12F}), x, Mode::inference), {-1, 1, -1, 1});
  EXPECT_EQ(message_of([] {
              normalized({4, 1}, GroupNorm{.groups = 3});
            }),
            "group_norm1: groups = 3 does not divide the 4 channels");
}

TEST(LocalResponseNorm, DividesByNeighbouringChannels) {
  const Tensor x = matrix_of({1, 3, 1}, {1, 2, 3});
  const LocalResponseNorm layer{.size = 3, .alpha = 3, .beta = 1, .bias = 2};  // x / (2 + squares of three channels)
  expect_near(run(normalized({3, 1}, layer), x, Mode::training), {1.0 / 7, 2.0 / 16, 3.0 / 15});
  EXPECT_TRUE(normalized({3, 1}, layer).parameters().empty());
  const auto complaint = [](const Layer& given) { return message_of([&] { normalized({4, 2}, given); }); };
  EXPECT_EQ(complaint(LocalResponseNorm{.size = 0}), "local_response_norm1: size = 0 must be at least 1");
  EXPECT_EQ(complaint(LocalResponseNorm{.bias = 0}), "local_response_norm1: bias = 0 must be above 0");
  EXPECT_EQ(complaint(LocalResponseNorm{.alpha = -1}), "local_response_norm1: alpha = -1 must be at least 0");
  EXPECT_EQ(complaint(LocalResponseNorm{.beta = INFINITY}), "local_response_norm1: beta = inf must be finite");
  EXPECT_EQ(message_of([&] { normalized({}, layer); }), "local_response_norm1: expects [batch, channels, …], got [1]");
}

TEST(InstanceNorm, NormalisesEachChannelAlone) {
  const Tensor x = matrix_of({1, 2, 2}, {1, 3, 10, 50});
  expect_near(run(normalized({2, 2}, InstanceNorm{.epsilon = 1e-12F}), x, Mode::training), {-1, 1, -1, 1});
  EXPECT_EQ(message_of([] { normalized({2}, InstanceNorm{}); }), "instance_norm1: expects [batch, channels, places…], got [1, 2]");
}

}  // namespace
}  // namespace neurons
