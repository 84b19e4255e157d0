// Sums over channels against the plain formulas, for any number of workers.
#include "neurons/kernels/channel_sums.hpp"

#include "neurons/kernels/kernel_testing.hpp"

namespace neurons::kernels {
namespace {

using testing::for_each_target;
using testing::same_bits;

double d(float value) { return static_cast<double>(value); }

const std::vector<ChannelRows> kExtents = {{1, 1, 1},    {1, 5, 3},    {1, 1000, 16}, {3, 70, 33},
                                           {2, 33, 300}, {1, 9000, 1}, {4, 1, 64},    {0, 5, 4}};

std::size_t elements(const ChannelRows& e) { return static_cast<std::size_t>(e.samples * e.rows * e.channels); }
std::size_t statistics(const ChannelRows& e) { return static_cast<std::size_t>(e.samples * e.channels); }
std::size_t partials(const ChannelRows& e) { return static_cast<std::size_t>(e.samples * e.blocks() * 2 * e.channels); }

std::vector<float> numbers(std::size_t count, double mean, double deviation, std::uint64_t seed) {
  RandomStream random(seed);
  std::vector<float> result(count);
  for (float& value : result) value = static_cast<float>(mean + deviation * random.normal());
  return result;
}

/// The partials that run(partials, worker) writes, the same for one worker and for three.
template <class Run>
std::vector<float> partials_for_any_split(const ChannelRows& e, const Run& run) {
  std::vector<float> whole(partials(e), NAN);
  std::vector<float> split(partials(e), NAN);
  run(whole.data(), Worker{0, 1});
  for (int index = 2; index >= 0; --index) run(split.data(), Worker{index, 3});
  EXPECT_TRUE(same_bits(split, whole));
  return whole;
}

TEST(ChannelSums, MomentsKeepTheirPrecisionFarFromZero) {
  for_each_target([] {
    for (const ChannelRows& e : kExtents) {
      for (const double centre : {0.0, 1000.0}) {
        const auto x = numbers(elements(e), centre, 0.5, 1);
        const auto sums = partials_for_any_split(e, [&](float* to, Worker worker) { channel_moments(e, x.data(), to, worker); });
        std::vector<float> mean(statistics(e), NAN);
        std::vector<float> variance(statistics(e), NAN);
        combine_moments(e, sums.data(), mean.data(), variance.data());
        for (std::size_t i = 0; i < mean.size(); ++i) {
          const auto sample = static_cast<std::int64_t>(i) / e.channels;
          const auto at = [&](std::int64_t row) {
            return d(x[static_cast<std::size_t>((sample * e.rows + row) * e.channels + static_cast<std::int64_t>(i) % e.channels)]);
          };
          double expected = 0;
          double square = 0;
          for (std::int64_t row = 0; row < e.rows; ++row) expected += at(row) / static_cast<double>(e.rows);
          for (std::int64_t row = 0; row < e.rows; ++row) square += std::pow(at(row) - expected, 2) / static_cast<double>(e.rows);
          EXPECT_NEAR(d(mean[i]), expected, 1e-6 + 1e-7 * centre);
          EXPECT_NEAR(d(variance[i]), square, 1e-6 + 1e-8 * centre);
        }
      }
    }
  });
}

TEST(ChannelSums, ProductsAreThoseOfTheFormula) {
  for_each_target([] {
    for (const ChannelRows& e : kExtents) {
      const auto x = numbers(elements(e), 3, 2, 1);
      const auto dy = numbers(elements(e), 0, 1, 2);
      const auto mean = numbers(statistics(e), 3, 0.1, 3);
      const auto inverse = numbers(statistics(e), 1, 0.1, 4);
      const auto sums = partials_for_any_split(
          e, [&](float* to, Worker worker) { channel_products(e, x.data(), dy.data(), mean.data(), inverse.data(), to, worker); });
      std::vector<float> first(statistics(e), NAN);
      std::vector<float> second(statistics(e), NAN);
      combine_products(e, sums.data(), first.data(), second.data());
      for (std::size_t i = 0; i < first.size(); ++i) {
        const auto sample = static_cast<std::int64_t>(i) / e.channels;
        double sum = 0;
        double product = 0;
        double size = 1;
        for (std::int64_t row = 0; row < e.rows; ++row) {
          const auto at =
              static_cast<std::size_t>((sample * e.rows + row) * e.channels + static_cast<std::int64_t>(i) % e.channels);
          const double term = d(dy[at]) * (d(x[at]) - d(mean[i])) * d(inverse[i]);
          sum += d(dy[at]);
          product += term;
          size += std::abs(d(dy[at])) + std::abs(term);
        }
        EXPECT_NEAR(d(first[i]), sum, 3e-7 * size);
        EXPECT_NEAR(d(second[i]), product, 3e-7 * size);
      }
    }
  });
}

TEST(ChannelSums, NaNStaysInItsChannel) {
  const ChannelRows e{1, 100, 20};
  auto x = numbers(elements(e), 0, 1, 1);
  x[20 * 50 + 7] = NAN;
  std::vector<float> sums(partials(e));
  channel_moments(e, x.data(), sums.data(), Worker{0, 1});
  std::vector<float> mean(20);
  std::vector<float> variance(20);
  combine_moments(e, sums.data(), mean.data(), variance.data());
  for (std::size_t i = 0; i < mean.size(); ++i) {
    EXPECT_EQ(std::isnan(mean[i]), i == 7);
    EXPECT_EQ(std::isnan(variance[i]), i == 7);
  }
}

}  // namespace
}  // namespace neurons::kernels
