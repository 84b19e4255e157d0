#include "neurons/base/thread_team.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <set>
#include <thread>
#include <vector>

#include "neurons/base/testing.hpp"

namespace neurons {
namespace {

/// Calls `function(worker)` on every member.
template <typename Function>
void run_on(ThreadTeam& team, Function function) {
  team.run([](void* context, Worker worker) noexcept { (*static_cast<Function*>(context))(worker); }, &function);
}

class ThreadTeamOf : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ThreadTeamOf, ::testing::Values(1, 2, 5));

TEST_P(ThreadTeamOf, RunsEachMemberOnceOnItsOwnThread) {
  ThreadTeam team(GetParam());
  EXPECT_EQ(team.size(), GetParam());
  std::vector<std::thread::id> threads(static_cast<std::size_t>(GetParam()));
  std::vector<int> calls(threads.size(), 0);
  run_on(team, [&](Worker worker) noexcept {
    threads[static_cast<std::size_t>(worker.index)] = std::this_thread::get_id();
    calls[static_cast<std::size_t>(worker.index)] += worker.count;
  });
  EXPECT_EQ(threads[0], std::this_thread::get_id());
  EXPECT_EQ(std::set(threads.begin(), threads.end()).size(), threads.size());
  EXPECT_THAT(calls, ::testing::Each(GetParam()));
}

TEST_P(ThreadTeamOf, HasFinishedWhenRunReturnsHoweverOften) {
  ThreadTeam team(GetParam());
  std::vector<long> sums(static_cast<std::size_t>(GetParam()) * 16, 0);  // a cache line each; plain longs: run() must order them
  constexpr long kRegions = 100;
  for (long region = 1; region <= kRegions; ++region) {
    run_on(team, [&](Worker worker) noexcept { sums[static_cast<std::size_t>(worker.index) * 16] += region; });
    for (int index = 0; index < GetParam(); ++index) {
      ASSERT_EQ(sums[static_cast<std::size_t>(index) * 16], region * (region + 1) / 2) << "member " << index;
    }
  }
}

TEST_P(ThreadTeamOf, MeetsAtBarriers) {
  ThreadTeam team(GetParam());
  const auto count = static_cast<std::size_t>(GetParam());
  std::vector<int> round(count * 16, 0);
  std::vector<int> wrong(count * 16, 0);
  run_on(team, [&](Worker worker) noexcept {
    const auto own = static_cast<std::size_t>(worker.index) * 16;
    for (int r = 1; r <= 30; ++r) {
      round[own] = r;
      team.barrier();
      for (std::size_t other = 0; other < count; ++other) wrong[own] += round[other * 16] != r ? 1 : 0;
      team.barrier();
    }
  });
  EXPECT_THAT(wrong, ::testing::Each(0));
}

TEST_P(ThreadTeamOf, WakesAfterAPause) {
  ThreadTeam team(GetParam());
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // long enough for the members to sleep
    std::atomic<int> calls{0};
    run_on(team, [&](Worker) noexcept { ++calls; });
    EXPECT_EQ(calls, GetParam());
  }
}

TEST_P(ThreadTeamOf, MayBeMadeAndDroppedUnused) {
  for (int i = 0; i < 20; ++i) ThreadTeam team(GetParam());
}

TEST(ThreadTeam, HasOneMemberForEachCoreUnlessTold) {
  EXPECT_GE(available_cores(), 1);
  EXPECT_EQ(ThreadTeam().size(), available_cores());
}

TEST(ThreadTeam, RefusesNumbersThatMakeNoTeam) {
  EXPECT_EQ(testing::message_of([] { ThreadTeam team(-3); }), "threads = -3: expected 0 (one for each core) to 4096");
  EXPECT_EQ(testing::message_of([] { ThreadTeam team(5000); }), "threads = 5000: expected 0 (one for each core) to 4096");
}

#if !defined(NEURONS_SANITIZED)  // the sanitizer itself needs more memory than the limit below
TEST(ThreadTeam, SaysSoWhereTheSystemGivesNoMoreThreads) {
  const auto starve = [] {
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max = rlim_t{256} << 20;  // no room for the stacks of so many
    ::setrlimit(RLIMIT_AS, &limit);
    std::cerr << testing::message_of<RuntimeError>([] { ThreadTeam team(4096); });
    std::exit(0);
  };
  EXPECT_EXIT(starve(), ::testing::ExitedWithCode(0), "cannot start [0-9]+ threads: ");
}
#endif

}  // namespace
}  // namespace neurons
