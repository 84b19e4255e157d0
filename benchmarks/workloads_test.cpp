#include "benchmarks/workloads.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "benchmarks/convolutions.hpp"
#include "neurons/base/error.hpp"

namespace neurons::benchmarks {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Workloads, CountMultiplyAddsOfWeightedSums) {
  // 784-256-128-10: 234,752 weights, 200,704 of them in the first layer, which has no input gradient.
  const auto flops_of = [](const std::string& name) {
    return std::ranges::find(workloads(), name, &Workload::name)->flops_per_sample();
  };
  EXPECT_EQ(flops_of("mlp-64"), 2.0 * (3 * 234752 - 200704));
  EXPECT_EQ(flops_of("infer-mlp-1"), 2.0 * 234752);
  EXPECT_NEAR(flops_of("infer-resnet18-1"), 2 * 1.814e9, 2e6) << "1.8 billion multiply-adds, He et al. 2016, table 1";
  // 12 · width² weights a block and the last layer's, for each of 128 steps; 4 · width for each of the pairs that see each other.
  EXPECT_EQ(flops_of("char-gpt"), 3.0 * (128 * 2 * (4 * 12 * 128 * 128 + 128 * 96) + 4 * 4 * 128 * (128 * 129 / 2)));
  EXPECT_NEAR(flops_of("resnet20-64") / 3, 2 * 41.3e6, 2e6) << "forward 41 million, and its gradients";
}

TEST(Workloads, ReportConsistentFigures) {
  const std::vector<std::string> names = {"infer-mlp-1", "mlp-tiny"};
  const Report report = run(names, {.threads = 1, .seconds = 0.02});
  EXPECT_EQ(report.threads, 1);
  EXPECT_GT(report.peak_gflops, 0);
  ASSERT_EQ(report.results.size(), 2U);
  for (const Result& result : report.results) {
    const auto workload = std::ranges::find(workloads(), result.name, &Workload::name);
    ASSERT_NE(workload, workloads().end());
    const auto batch = static_cast<double>(workload->batch);
    EXPECT_NEAR(result.samples_per_second * result.microseconds_per_step, 1e6 * batch, 1e-3 * batch);
    EXPECT_NEAR(result.gflops, result.samples_per_second * workload->flops_per_sample() / 1e9, 1e-6 * result.gflops);
    EXPECT_GT(result.peak_share, 0);
  }
  EXPECT_EQ(report.results[0].name, "infer-mlp-1");
  EXPECT_GT(report.results[0].p50_microseconds, 0);
  EXPECT_GE(report.results[0].p99_microseconds, report.results[0].p50_microseconds);
  EXPECT_EQ(report.results[1].p50_microseconds, 0);
}

TEST(Workloads, StreamsAreTimedStepByStep) {
  const Result result = run(std::vector<std::string>{"stream-lstm-1"}, {.threads = 1, .seconds = 0.02}).results.front();
  EXPECT_GT(result.p50_microseconds, 0);
  EXPECT_GE(result.p999_microseconds, result.p99_microseconds);
  // 4 gates of 32 units from 1 feature and 32 states, and one neuron of 32: the state of the first of 64 steps is zero.
  const auto stream = std::ranges::find(workloads(), "stream-lstm-1", &Workload::name);
  EXPECT_NEAR(stream->flops_per_sample(), 2 * (128 + 128 * 32 * 63.0 / 64 + 32), 1e-6);
  EXPECT_THAT([] { profile("stream-lstm-1"); }, ThrowsMessage<InputError>(HasSubstr("runs step by step in a stream")));
}

TEST(Workloads, ProfileNamesEachStep) {
  const std::vector<StepTime> times = profile("infer-mlp-1", {.threads = 1, .seconds = 0.01});
  std::vector<std::string> layers;
  for (const StepTime& time : times) {
    layers.push_back(time.layer);
    EXPECT_GT(time.microseconds, 0) << time.op;
  }
  EXPECT_THAT(layers, ::testing::IsSupersetOf({"dense1", "dense2", "dense3"}));
  EXPECT_THAT([] { profile("mlp-46"); }, ThrowsMessage<InputError>(HasSubstr("did you mean \"mlp-64\"?")));
}

TEST(ConvolutionSweep, HoldsTheLayersOfResNet18) {
  // Each distinct layer once: their multiply-adds, times how often ResNet-18 has them, are its own (He et al. 2016, table 1), but
  // for the dense layer's half a million.
  const auto repeated = [](const kernels::ConvolutionShape& shape) {
    return shape.stride[1] == 1 ? (shape.channels == 64 ? 4 : 3) : 1;
  };
  double sum = 0;
  int layers = 0;
  for (const ConvolutionCase& layer : convolution_sweep()) {
    if (layer.shape.batch > 1 || layer.shape.outputs <= 32) continue;
    sum += layer.flops() * repeated(layer.shape);
    ++layers;
  }
  EXPECT_EQ(layers, 11);
  EXPECT_NEAR(sum, 2 * 1.814e9, 2e6);
}

TEST(ConvolutionSweep, ComputesWhatItsNamesSay) {
  // On single pixels a convolution is a matrix product.
  const auto team = std::make_shared<ThreadTeam>(1);
  for (const Direction direction : {Direction::forward, Direction::input_gradient, Direction::weight_gradient}) {
    ConvolutionCase layer;
    layer.shape.batch = 2;
    layer.shape.channels = 3;
    layer.shape.outputs = 4;
    layer.direction = direction;
    ConvolutionJob job(layer, team);
    job.run();
    for (std::int64_t i = 0; i < 24; ++i) {
      const std::int64_t n = i / 12;
      const std::int64_t c = i / 4 % 3;
      const std::int64_t o = i % 4;
      const auto x = [&](std::int64_t image, std::int64_t channel) {
        return job.x()[static_cast<std::size_t>(image * 3 + channel)];
      };
      const auto y = [&](std::int64_t image, std::int64_t output) { return job.y()[static_cast<std::size_t>(image * 4 + output)]; };
      const auto w = [&](std::int64_t output, std::int64_t channel) {
        return job.weights()[static_cast<std::size_t>(output * 3 + channel)];
      };
      if (direction == Direction::forward) {
        EXPECT_NEAR(y(n, o), x(n, 0) * w(o, 0) + x(n, 1) * w(o, 1) + x(n, 2) * w(o, 2), 1e-6);
      } else if (direction == Direction::input_gradient) {
        EXPECT_NEAR(x(n, c), y(n, 0) * w(0, c) + y(n, 1) * w(1, c) + y(n, 2) * w(2, c) + y(n, 3) * w(3, c), 1e-6);
      } else {
        EXPECT_NEAR(w(o, c), x(0, c) * y(0, o) + x(1, c) * y(1, o), 1e-6);
      }
    }
  }
}

TEST(ConvolutionSweep, RunsByNameOfOneCase) {
  const std::vector<std::string> names = {"conv-1-32-3x3-28-b1-forward"};
  const Report report = run(names, {.threads = 1, .seconds = 0.02});
  ASSERT_EQ(report.results.size(), 1U);
  EXPECT_EQ(report.results[0].name, names[0]);
  EXPECT_NEAR(report.results[0].gflops * report.results[0].microseconds_per_step, 2e-3 * 28 * 28 * 9 * 32, 1e-6);
  EXPECT_GT(report.results[0].peak_share, 0);
}

TEST(Workloads, RefuseUnknownNamesAndTimes) {
  const std::vector<std::string> names = {"mlp-46"};
  EXPECT_THAT([&] { run(names); },
              ThrowsMessage<InputError>(HasSubstr("there is no workload \"mlp-46\"; did you mean \"mlp-64\"?")));
  const std::vector<std::string> cases = {"conv-sweeps"};
  EXPECT_THAT([&] { run(cases); }, ThrowsMessage<InputError>(HasSubstr("did you mean \"conv-sweep\"?")));
  EXPECT_THAT([&] { run({}, {.seconds = 0}); }, ThrowsMessage<InputError>(HasSubstr("must be above 0")));
  EXPECT_THAT([&] { run({}, {.threads = 4000}); }, ThrowsMessage<InputError>(HasSubstr("threads = 4000 is more than the")));
  EXPECT_THAT([&] { run({}, {.threads = -1}); }, ThrowsMessage<InputError>(HasSubstr("threads = -1")));
}

}  // namespace
}  // namespace neurons::benchmarks
