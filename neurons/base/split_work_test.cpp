#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "neurons/base/thread_team.hpp"

namespace neurons {
namespace {

RC_GTEST_PROP(SplitWork, CoversEveryItemOnceInWholeBlocksAndEvenly, ()) {
  const auto items = *rc::gen::inRange<std::size_t>(0, 5000);
  const auto grain = *rc::gen::inRange<std::size_t>(1, 100);
  const int count = *rc::gen::inRange(1, 20);
  std::size_t next = 0;
  const std::size_t blocks = (items + grain - 1) / grain;
  for (int index = 0; index < count; ++index) {
    const WorkRange range = split_work(items, {index, count}, grain);
    RC_ASSERT(range.begin == std::min(next, items));
    RC_ASSERT(range.end >= range.begin);
    RC_ASSERT(range.end == items || range.end % grain == 0U);
    const std::size_t own = (range.end - range.begin + grain - 1) / grain;
    RC_ASSERT(own >= blocks / static_cast<std::size_t>(count));
    RC_ASSERT(own <= blocks / static_cast<std::size_t>(count) + 1);
    next = range.end;
  }
  RC_ASSERT(next == items);
}

TEST(SplitWork, LeavesNothingOutForOneWorker) {
  const WorkRange range = split_work(1001, Worker{}, 64);
  EXPECT_EQ(range.begin, 0U);
  EXPECT_EQ(range.end, 1001U);
}

}  // namespace
}  // namespace neurons
