#include "neurons/plan/memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "neurons/base/aligned_buffer.hpp"

namespace neurons {
namespace {

bool live_together(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

/// The most bytes that are in use at one step: no layout needs less.
std::size_t least_bytes(const std::vector<Lifetime>& lifetimes) {
  std::size_t most = 0;
  for (const Lifetime& at : lifetimes) {
    std::size_t sum = 0;
    for (const Lifetime& other : lifetimes) {
      if (other.first <= at.first && at.first <= other.last) sum += align_up(other.bytes);
    }
    most = std::max(most, sum);
  }
  return most;
}

rc::Gen<std::vector<Lifetime>> lifetimes() {
  const auto one = rc::gen::map(
      rc::gen::tuple(rc::gen::inRange(0, 40), rc::gen::inRange(0, 12), rc::gen::inRange<std::size_t>(0, 3000)), [](const auto& t) {
        return Lifetime{std::get<0>(t), std::get<0>(t) + std::get<1>(t), std::get<2>(t)};
      });
  return rc::gen::container<std::vector<Lifetime>>(one);
}

RC_GTEST_PROP(PlaceBuffers, NeverOverlapsWhatLivesTogether, ()) {
  const auto lives = *lifetimes();
  const ArenaLayout layout = place_buffers(lives);
  RC_ASSERT(layout.offsets.size() == lives.size());
  for (std::size_t i = 0; i < lives.size(); ++i) {
    RC_ASSERT(layout.offsets[i] % kAlignment == 0U);
    RC_ASSERT(layout.offsets[i] + lives[i].bytes <= layout.bytes);
    for (std::size_t j = 0; j < i; ++j) {
      if (!live_together(lives[i], lives[j])) continue;
      const bool before = layout.offsets[i] + lives[i].bytes <= layout.offsets[j];
      const bool after = layout.offsets[j] + lives[j].bytes <= layout.offsets[i];
      RC_ASSERT(before || after);
    }
  }
}

RC_GTEST_PROP(PlaceBuffers, StaysNearTheLeast, ()) {
  const auto lives = *lifetimes();
  const std::size_t bytes = place_buffers(lives).bytes;
  RC_ASSERT(bytes >= least_bytes(lives));
  RC_ASSERT(bytes <= 2 * least_bytes(lives));
}

TEST(PlaceBuffers, ReusesMemoryAlongAChain) {
  std::vector<Lifetime> chain;  // each buffer is read by the next step alone
  for (int step = 0; step < 100; ++step) chain.push_back({step, step + 1, 1000});
  EXPECT_EQ(place_buffers(chain).bytes, 2 * align_up(1000));
}

TEST(PlaceBuffers, FillsTheGapsBetweenLargeOnes) {
  // Two large buffers leave a gap of 128 bytes while a third of that size lives.
  const ArenaLayout layout = place_buffers(std::vector<Lifetime>{{0, 1, 640}, {0, 3, 128}, {2, 3, 512}});
  EXPECT_EQ(layout.bytes, 768U);
}

TEST(PlaceBuffers, OfNothingIsNothing) {
  EXPECT_EQ(place_buffers({}).bytes, 0U);
  EXPECT_EQ(place_buffers(std::vector<Lifetime>{{0, 5, 0}, {0, 5, 0}}).bytes, 0U);
}

}  // namespace
}  // namespace neurons
