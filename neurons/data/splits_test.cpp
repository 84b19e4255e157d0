#include "neurons/data/splits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "neurons/data/data_testing.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

std::vector<double> halves() { return {0.5, 0.5}; }

/// Sorted, disjoint, all within range.
void require_disjoint(const std::vector<Indices>& parts, std::int64_t samples) {
  std::set<std::int64_t> seen;
  for (const Indices& part : parts) {
    RC_ASSERT(std::ranges::is_sorted(part));
    for (const std::int64_t index : part) {
      RC_ASSERT(index >= 0 && index < samples);
      RC_ASSERT(seen.insert(index).second);
    }
  }
}

std::int64_t members(const Indices& part, std::span<const std::int64_t> labels, std::int64_t label) {
  return std::ranges::count_if(part, [&](std::int64_t index) { return labels[static_cast<std::size_t>(index)] == label; });
}

/// Positive fractions that add up to 1 or, where `rest` is given, to less.
std::vector<double> some_fractions() {
  const auto weights = *rc::gen::container<std::vector<int>>(*rc::gen::inRange<std::size_t>(1, 6), rc::gen::inRange(1, 20));
  const int rest = *rc::gen::element(0, 0, 1, 30);
  const double sum = std::accumulate(weights.begin(), weights.end(), rest);
  std::vector<double> fractions;
  for (const int weight : weights) fractions.push_back(weight / sum);
  return fractions;
}

TEST(RandomSplit, PartsAreDisjointAndOfTheRightSizes) {
  EXPECT_TRUE(rc::check([] {
    const auto fractions = some_fractions();
    const auto samples = *rc::gen::inRange<std::int64_t>(100, 300);  // 100 · 1/130 rounds to one sample at least
    const auto parts = random_split(samples, fractions, *rc::gen::arbitrary<std::uint64_t>());
    require_disjoint(parts, samples);
    std::int64_t used = 0;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const auto size = static_cast<double>(parts[part].size());
      RC_ASSERT(std::abs(size - fractions[part] * static_cast<double>(samples)) < 1 + 1e-6);
      used += static_cast<std::int64_t>(parts[part].size());
    }
    if (std::abs(std::accumulate(fractions.begin(), fractions.end(), 0.0) - 1) < 1e-9) RC_ASSERT(used == samples);
  }));
}

TEST(RandomSplit, IsAFunctionOfItsSeed) {
  EXPECT_EQ(random_split(100, halves(), 1), random_split(100, halves(), 1));
  EXPECT_NE(random_split(100, halves(), 1), random_split(100, halves(), 2));
}

TEST(RandomSplit, EverySampleIsAsLikelyAsAnyOther) {
  std::vector<int> hits(10);
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const auto parts = random_split(10, std::vector<double>{0.3}, seed);
    for (const std::int64_t index : parts[0]) ++hits[static_cast<std::size_t>(index)];
  }
  for (const int hit : hits) EXPECT_NEAR(hit, 1200, 150);  // five standard deviations
}

TEST(RandomSplit, DecimalFractionsUseEverySample) {
  const auto parts = random_split(10, std::vector<double>{0.7, 0.2, 0.1}, 5);
  EXPECT_EQ(parts[0].size(), 7U);
  EXPECT_EQ(parts[1].size(), 2U);
  EXPECT_EQ(parts[2].size(), 1U);
}

TEST(RandomSplit, RefusesWhatMakesNoSense) {
  const auto message = [](std::int64_t samples, const std::vector<double>& fractions) {
    return message_of([&] { random_split(samples, fractions, 0); });
  };
  EXPECT_EQ(message(10, {0.5, 0.0}), "split: fraction 0 of part 1 is not in (0, 1]");
  EXPECT_THAT(message(10, {-0.5}), HasSubstr("not in (0, 1]"));
  EXPECT_THAT(message(10, {NAN}), HasSubstr("fraction nan"));
  EXPECT_THAT(message(10, {1.5}), HasSubstr("not in (0, 1]"));
  EXPECT_THAT(message(10, {0.8, 0.3}), HasSubstr("more than 1"));
  EXPECT_EQ(message(10, {0.99, 0.01}), "split: part 1 would be empty: a fraction of 0.01 of 10 samples; give it a larger fraction");
  EXPECT_THAT(message(0, {1.0}), HasSubstr("would be empty"));
  EXPECT_THAT(message(-1, {1.0}), HasSubstr("-1 samples"));
}

TEST(StratifiedSplit, SharesOutClassesAndPartsInProportion) {
  EXPECT_TRUE(rc::check([] {
    const auto fractions = some_fractions();
    const auto labels = *rc::gen::container<std::vector<std::int64_t>>(*rc::gen::inRange<std::size_t>(150, 300),
                                                                       rc::gen::inRange<std::int64_t>(-2, 7));
    const auto parts = stratified_split(labels, fractions, *rc::gen::arbitrary<std::uint64_t>());
    require_disjoint(parts, static_cast<std::int64_t>(labels.size()));
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const double size = fractions[part] * static_cast<double>(labels.size());
      RC_ASSERT(std::abs(static_cast<double>(parts[part].size()) - size) < 1 + 1e-6);
      for (std::int64_t label = -2; label < 7; ++label) {
        const auto share = fractions[part] * static_cast<double>(std::ranges::count(labels, label));
        RC_ASSERT(std::abs(static_cast<double>(members(parts[part], labels, label)) - share) < 1 + 1e-6);
      }
    }
  }));
}

TEST(StratifiedSplit, SharesOutIris) {
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 150; ++i) labels.push_back(i / 50);
  const auto parts = stratified_split(labels, std::vector<double>{0.8, 0.2}, 7);
  for (std::int64_t label = 0; label < 3; ++label) {
    EXPECT_EQ(members(parts[0], labels, label), 40);
    EXPECT_EQ(members(parts[1], labels, label), 10);
  }
  EXPECT_EQ(parts, stratified_split(labels, std::vector<double>{0.8, 0.2}, 7));
  EXPECT_NE(parts, stratified_split(labels, std::vector<double>{0.8, 0.2}, 8));
}

TEST(StratifiedSplit, RefusesWhatMakesNoSense) {
  const std::vector<std::int64_t> labels(10);
  EXPECT_THAT(message_of([&] { stratified_split(labels, std::vector<double>{0.8, 0.3}, 0); }), HasSubstr("more than 1"));
  EXPECT_THAT(message_of([&] {
                stratified_split(labels, std::vector<double>{0.99, 0.01}, 0);
              }),
              HasSubstr("part 1 would be empty"));
}

void expect_folds(const std::vector<Fold>& folds, std::int64_t samples) {
  std::vector<int> tested(static_cast<std::size_t>(samples));
  for (const auto& [train, test] : folds) {
    for (const std::int64_t index : test) ++tested[static_cast<std::size_t>(index)];
    Indices all(static_cast<std::size_t>(samples));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    Indices together;
    std::ranges::merge(train, test, std::back_inserter(together));
    EXPECT_EQ(together, all);
    EXPECT_LE(static_cast<std::int64_t>(test.size()) * static_cast<std::int64_t>(folds.size()),
              samples + static_cast<std::int64_t>(folds.size()) - 1);
  }
  EXPECT_TRUE(std::ranges::all_of(tested, [](int count) { return count == 1; }));
}

TEST(KFold, TestsEverySampleOnce) {
  for (const auto& [samples, folds] : {std::pair{10, 2}, {10, 3}, {10, 10}, {2, 2}, {101, 7}}) {
    const auto result = k_fold(samples, folds, 3);
    EXPECT_EQ(result.size(), static_cast<std::size_t>(folds));
    expect_folds(result, samples);
  }
  EXPECT_EQ(k_fold(30, 3, 1)[0].test, k_fold(30, 3, 1)[0].test);
  EXPECT_NE(k_fold(30, 3, 1)[0].test, k_fold(30, 3, 2)[0].test);
}

TEST(StratifiedKFold, SpreadsEveryClassEvenly) {
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 103; ++i) labels.push_back(i % 10 == 0 ? 2 : i % 3 == 0 ? 1 : 0);
  const auto folds = stratified_k_fold(labels, 5, 9);
  expect_folds(folds, 103);
  for (std::int64_t label = 0; label < 3; ++label) {
    const auto all = std::ranges::count(labels, label);
    for (const auto& [train, test] : folds) {
      EXPECT_GE(members(test, labels, label), all / 5);
      EXPECT_LE(members(test, labels, label), (all + 4) / 5);
    }
  }
}

TEST(KFold, RefusesWhatMakesNoSense) {
  EXPECT_EQ(message_of([] { k_fold(10, 1, 0); }),
            "k-fold: 1 folds of 10 samples, expected from 2 folds to as many as there are samples");
  EXPECT_THAT(message_of([] { k_fold(3, 4, 0); }), HasSubstr("4 folds of 3 samples"));
  EXPECT_THAT(message_of([] { k_fold(-3, 2, 0); }), HasSubstr("-3 samples"));
  EXPECT_THAT(message_of([] { stratified_k_fold(std::vector<std::int64_t>(3), 4, 0); }), HasSubstr("4 folds of 3 samples"));
}

}  // namespace
}  // namespace neurons
