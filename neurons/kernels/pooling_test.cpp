#include "neurons/kernels/pooling.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "neurons/kernels/kernel_testing.hpp"
#include "neurons/kernels/simd_targets_test.hpp"

namespace neurons::kernels {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kUnwritten = -12345.0F;

class Pooling : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { use_simd_target(GetParam()); }
  void TearDown() override { use_simd_target(0); }
};

INSTANTIATE_TEST_SUITE_P(Targets, Pooling, ::testing::ValuesIn(simd_targets()),
                         [](const auto& chosen) { return simd_target_name(chosen.param); });

/// Windows of `kernel` along one axis of one image.
PoolShape line(std::int64_t input, std::int64_t channels, std::int64_t kernel, std::int64_t stride) {
  PoolShape shape;
  shape.batch = 1;
  shape.channels = channels;
  shape.input[2] = input;
  shape.kernel[2] = kernel;
  shape.stride[2] = stride;
  shape.output[2] = (input - kernel) / stride + 1;
  return shape;
}

/// Each of the line's numbers in `channels` channels.
std::vector<float> spread(const std::vector<float>& values, std::int64_t channels) {
  std::vector<float> result;
  for (const float value : values) result.insert(result.end(), static_cast<std::size_t>(channels), value);
  return result;
}

const std::int64_t kChannels[] = {1, 17, 70};

/// The first of equals, the last of several NaN; among infinities alone the first pixel.
TEST_P(Pooling, PlacesAreThoseOfTheMaxima) {
  const std::vector<float> x{1, kNan, 3, 3, -kInfinity, -kInfinity, kNan, kNan, 2, 2};
  const std::vector<std::int64_t> expected{1, 1, 2, 3, 4, 6, 7, 7, 8};
  for (const std::int64_t channels : kChannels) {
    std::vector<float> y(expected.size() * static_cast<std::size_t>(channels), kUnwritten);
    std::vector<float> same = y;
    std::vector<std::int64_t> places(y.size(), -1);
    const PoolShape shape = line(10, channels, 2, 1);
    for (int worker = 0; worker < 2; ++worker) {
      max_pool_places(shape, false, spread(x, channels).data(), y.data(), places.data(), {worker, 2});
    }
    max_pool(shape, spread(x, channels).data(), same.data(), {0, 1});
    EXPECT_TRUE(testing::same_bits(y, same)) << channels << " channels";
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto c = static_cast<std::int64_t>(i) % channels;
      EXPECT_EQ(places[i], c * 10 + expected[i / static_cast<std::size_t>(channels)]) << channels << " channels, " << i;
    }
  }
}

TEST_P(Pooling, NanIsTheLargestAndInfinitiesAreNumbers) {
  const std::vector<float> x{1, kNan, 3, -kInfinity, -kInfinity, kNan, kNan, 2, kInfinity, -0.0F};
  const std::vector<float> expected{kNan, kNan, 3, -kInfinity, kNan, kNan, kNan, kInfinity, kInfinity};
  for (const std::int64_t channels : kChannels) {
    std::vector<float> y(expected.size() * static_cast<std::size_t>(channels), kUnwritten);
    max_pool(line(10, channels, 2, 1), spread(x, channels).data(), y.data(), {0, 1});
    EXPECT_TRUE(testing::same_bits(y, spread(expected, channels))) << channels << " channels";
  }
}

TEST_P(Pooling, GivesToTheFirstOfEqualsAndToTheLastNan) {
  const std::vector<float> x{2, 2, 1, -kInfinity, -kInfinity, -kInfinity, kNan, kNan, 5, 0, -1, -0.0F};
  const std::vector<float> dy{10, 20, 30, 40};
  const std::vector<float> expected{10, 0, 0, 20, 0, 0, 0, 30, 0, 40, 0, 0};
  for (const std::int64_t channels : kChannels) {
    std::vector<float> dx(x.size() * static_cast<std::size_t>(channels), kUnwritten);
    max_pool_gradient(line(12, channels, 3, 3), spread(x, channels).data(), spread(dy, channels).data(), dx.data(), {0, 1});
    EXPECT_EQ(dx, spread(expected, channels)) << channels << " channels";
  }
}

TEST_P(Pooling, AddsWhereWindowsMeet) {
  const std::vector<float> x{0, 7, 1, 2, 6, 6};
  const std::vector<float> dy{1, 10, 100, 1000};
  for (const std::int64_t channels : kChannels) {
    std::vector<float> dx(x.size() * static_cast<std::size_t>(channels), kUnwritten);
    max_pool_gradient(line(6, channels, 3, 1), spread(x, channels).data(), spread(dy, channels).data(), dx.data(), {0, 1});
    EXPECT_EQ(dx, spread({0, 11, 0, 0, 1100, 0}, channels)) << channels << " channels";
  }
}

TEST_P(Pooling, DividesByWhatItIsTold) {
  PoolShape shape = line(4, 3, 3, 2);
  shape.pad[2] = 1;
  shape.pad_end[2] = 1;
  shape.output[2] = 3;  // the last window begins at the last input and reaches one place beyond the padding
  const std::vector<float> x = spread({1, 2, 4, 8}, 3);
  const std::vector<std::pair<PoolDivisor, std::vector<float>>> cases = {
      {PoolDivisor::one, {3, 14, 8}}, {PoolDivisor::inside, {1.5F, 14.0F / 3.0F, 8}}, {PoolDivisor::padded, {1, 14.0F / 3.0F, 4}}};
  for (const auto& [divisor, expected] : cases) {
    std::vector<float> y(9, kUnwritten);
    sum_pool(shape, divisor, x.data(), y.data(), {0, 1});
    EXPECT_EQ(y, spread(expected, 3));
    std::vector<float> dx(12, kUnwritten);
    sum_pool_gradient(shape, divisor, spread({1, 1, 1}, 3).data(), dx.data(), {0, 1});
    const float first = divisor == PoolDivisor::one ? 1 : divisor == PoolDivisor::inside ? 1.0F / 2.0F : 1.0F / 3.0F;
    const float middle = divisor == PoolDivisor::one ? 1 : 1.0F / 3.0F;
    const float last = divisor == PoolDivisor::padded ? 0.5F : 1;
    EXPECT_EQ(dx, spread({first, first + middle, middle, middle + last}, 3));
  }
}

/// Images large enough that workers share rows, small enough that they share channels, and three axes.
std::vector<PoolShape> shared_shapes() {
  PoolShape flat;
  flat.batch = 2;
  flat.channels = 37;
  flat.input = {1, 11, 9};
  flat.kernel = {1, 3, 3};
  flat.stride = {1, 2, 2};
  flat.pad = flat.pad_end = {0, 1, 1};
  flat.output = {1, 6, 5};
  PoolShape deep = flat;
  deep.channels = 20;
  deep.input = {5, 6, 4};
  deep.kernel = {2, 3, 2};
  deep.stride = {1, 2, 1};
  deep.dilation = {2, 1, 2};
  deep.pad = deep.pad_end = {0, 0, 1};
  deep.output = {3, 2, 4};
  return {flat, deep, line(9, 70, 3, 1), line(9, 5, 9, 1)};
}

TEST_P(Pooling, AnyNumberOfWorkersGivesTheSameBits) {
  for (const PoolShape& shape : shared_shapes()) {
    const auto x = testing::varied_values(static_cast<std::size_t>(shape.batch * shape.input_pixels() * shape.channels), 1);
    const auto dy = testing::varied_values(static_cast<std::size_t>(shape.batch * shape.output_pixels() * shape.channels), 2);
    using Run = std::function<void(float*, Worker)>;
    const std::vector<std::pair<std::size_t, Run>> runs = {
        {dy.size(), [&](float* y, Worker worker) { max_pool(shape, x.data(), y, worker); }},
        {x.size(), [&](float* dx, Worker worker) { max_pool_gradient(shape, x.data(), dy.data(), dx, worker); }},
        {dy.size(), [&](float* y, Worker worker) { sum_pool(shape, PoolDivisor::inside, x.data(), y, worker); }},
        {x.size(), [&](float* dx, Worker worker) { sum_pool_gradient(shape, PoolDivisor::padded, dy.data(), dx, worker); }}};
    for (std::size_t i = 0; i < runs.size(); ++i) {
      std::vector<float> alone(runs[i].first, kUnwritten);
      runs[i].second(alone.data(), {0, 1});
      for (const int count : {2, 3, 4, 7, 50}) {
        std::vector<float> shared(runs[i].first, kUnwritten);
        for (int index = count; index-- > 0;) runs[i].second(shared.data(), {index, count});
        EXPECT_EQ(shared, alone) << "kernel " << i << ", " << count << " workers";
      }
    }
  }
}

}  // namespace
}  // namespace neurons::kernels
