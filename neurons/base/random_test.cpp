#include "neurons/base/random.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace neurons {
namespace {

using Block = std::array<std::uint32_t, 4>;

// The known answers published with Random123 1.09 (kat_vectors, philox4x32 10).
TEST(Philox, GivesThePublishedBlocks) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, IsPhiloxOfItsPosition) {
  RandomStream random(0x1122334455667788, 0x99aabbccddeeff00);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const Block expected = philox({block, 0, 0xddeeff00, 0x99aabbcc}, {0x55667788, 0x11223344});
    for (const std::uint32_t word : expected) EXPECT_EQ(random.next_u32(), word);
  }
  EXPECT_EQ(random.state().position, 12U);
}

RC_GTEST_PROP(RandomStream, ContinuesFromItsState, (std::uint64_t seed, std::uint64_t stream)) {
  RandomStream random(seed, stream);
  const auto drawn = *rc::gen::inRange(0, 9);
  for (int i = 0; i < drawn; ++i) random.next_u32();
  RandomStream other(random.state());
  RC_ASSERT(other.state() == random.state());
  for (int i = 0; i < 9; ++i) RC_ASSERT(other.next_u32() == random.next_u32());
  RC_ASSERT(other.normal() == random.normal());
}

TEST(RandomStream, CanBeEnteredBeyond32BitsOfBlocks) {
  const RandomStream::State far{5, 6, (std::uint64_t{1} << 36) + 3};
  RandomStream random(far);
  EXPECT_EQ(random.next_u32(), philox({0, 4, 6, 0}, {5, 0})[3]);
}

TEST(RandomStream, DiffersBySeedAndStream) {
  EXPECT_NE(RandomStream(1, 0).next_u64(), RandomStream(2, 0).next_u64());
  EXPECT_NE(RandomStream(1, 0).next_u64(), RandomStream(1, 1).next_u64());
  EXPECT_NE(RandomStream(1, 0).next_u64(), RandomStream(0, 1).next_u64());
}

RC_GTEST_PROP(RandomStream, BelowStaysBelow, (std::uint64_t seed)) {
  const auto bound = *rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(1, 10), rc::gen::positive<std::uint64_t>(),
                                     rc::gen::just(std::numeric_limits<std::uint64_t>::max()));
  RandomStream random(seed);
  for (int i = 0; i < 20; ++i) RC_ASSERT(random.below(bound) < bound);
}

TEST(RandomStream, BelowIsUnbiasedWhereShortcutsAreNot) {
  // Of three quarters of 2^64, a plain remainder hits the first third twice as often as the others, a plain product the multiples
  // of three.
  constexpr std::uint64_t kBound = std::uint64_t{3} << 62;
  RandomStream random(11);
  std::array<int, 3> thirds{};
  std::array<int, 3> remainders{};
  constexpr int kDraws = 30'000;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t value = random.below(kBound);
    ++thirds[value >> 62];
    ++remainders[value % 3];
  }
  const double bound = 5 * std::sqrt(kDraws * 2.0 / 9.0);  // five standard deviations
  for (const int count : thirds) EXPECT_NEAR(count, kDraws / 3, bound);
  for (const int count : remainders) EXPECT_NEAR(count, kDraws / 3, bound);
}

TEST(RandomStream, BelowReachesBothEndsAlike) {
  RandomStream random(3);
  std::array<int, 7> counts{};
  constexpr int kDraws = 70'000;
  for (int i = 0; i < kDraws; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 7, 5 * std::sqrt(kDraws * 6.0 / 49.0));
  EXPECT_EQ(random.below(1), 0U);
}

TEST(RandomStream, UniformHasItsMomentsAndBounds) {
  RandomStream random(4);
  constexpr int kDraws = 100'000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 5 / std::sqrt(12.0 * kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kDraws));
  for (int i = 0; i < 100; ++i) {
    const double value = random.uniform(-3, -2);
    EXPECT_GE(value, -3);
    EXPECT_LE(value, -2);
  }
}

TEST(RandomStream, NormalHasItsMoments) {
  RandomStream random(5);
  constexpr int kDraws = 100'000;
  std::array<double, 5> powers{};
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.normal();
    ASSERT_TRUE(std::isfinite(value));
    for (std::size_t p = 1; p < powers.size(); ++p) powers[p] += std::pow(value, static_cast<double>(p)) / kDraws;
  }
  const double unit = 5 / std::sqrt(static_cast<double>(kDraws));  // five standard deviations of a mean of unit variance
  EXPECT_NEAR(powers[1], 0, unit);
  EXPECT_NEAR(powers[2], 1, unit * std::sqrt(2.0));
  EXPECT_NEAR(powers[3], 0, unit * std::sqrt(15.0));
  EXPECT_NEAR(powers[4], 3, unit * std::sqrt(96.0));
}

RC_GTEST_PROP(RandomStream, ShuffleIsAPermutation, (std::uint64_t seed, std::vector<int> items)) {
  std::vector<int> shuffled = items;
  RandomStream(seed).shuffle(std::span(shuffled));
  RC_ASSERT(std::is_permutation(shuffled.begin(), shuffled.end(), items.begin(), items.end()));
}

TEST(RandomStream, ShuffleGivesEachOrderAlike) {
  RandomStream random(6);
  std::array<int, 6> counts{};
  constexpr int kDraws = 60'000;
  for (int i = 0; i < kDraws; ++i) {
    std::array<int, 3> items{0, 1, 2};
    random.shuffle(std::span<int>(items));
    ++counts[static_cast<std::size_t>(items[0] * 2 + (items[1] > items[2] ? 1 : 0))];
  }
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 6, 5 * std::sqrt(kDraws * 5.0 / 36.0));
}

}  // namespace
}  // namespace neurons
