#include "neurons/plan/pace.hpp"

#include <gtest/gtest.h>

namespace neurons {
namespace {

/// The share of the time that goes by on the team, of runs that take so long on it or on one thread.
double shared_time(Pace& pace, double shared, double alone, double seconds) {
  double on_team = 0;
  double passed = 0;
  while (passed < seconds) {
    const double took = pace.shared() ? shared : alone;
    if (pace.shared()) on_team += took;
    passed += took;
    pace.took(took);
  }
  return on_team / passed;
}

TEST(Pace, SharesRunsThatGainByIt) {
  for (const double run : {2e-5, 1e-3, 8e-3}) {
    Pace pace;
    EXPECT_TRUE(pace.shared());
    EXPECT_GT(shared_time(pace, run, 1.9 * run, 20), 0.98) << run;
  }
}

TEST(Pace, GoesAloneWhereMembersAreHeldUpAndComesBack) {
  Pace pace;
  shared_time(pace, 1e-5, 2e-5, 1);
  EXPECT_LT(shared_time(pace, 3e-4, 4e-5, 10), 0.03);
  EXPECT_LT(shared_time(pace, 6e-3, 4e-5, 10), 0.03);
  shared_time(pace, 1e-5, 2e-5, 5);  // calm again: it finds out within some seconds
  EXPECT_GT(shared_time(pace, 1e-5, 2e-5, 5), 0.97);
}

/// One run in a hundred takes the time slice of another program.
TEST(Pace, CountsWhatHappensSeldom) {
  Pace pace;
  long on_team = 0;
  for (long run = 0; run < 300'000; ++run) {
    on_team += pace.shared() ? 1 : 0;
    pace.took(!pace.shared() ? 2e-5 : run % 100 == 0 ? 4e-3 : 1e-5);
  }
  EXPECT_LT(on_team, 60'000);
}

/// Now and then all stands still for as long as 400 runs take: no reason to change.
TEST(Pace, BearsAPause) {
  Pace pace;
  long on_team = 0;
  for (long run = 0; run < 300'000; ++run) {
    on_team += pace.shared() ? 1 : 0;
    pace.took((pace.shared() ? 2e-5 : 4e-5) + (run % 20'000 == 19'999 ? 8e-3 : 0));
  }
  EXPECT_GT(on_team, 290'000);
}

TEST(Pace, StaysWhereItIsWhileNothingIsGained) {
  Pace pace;
  EXPECT_GT(shared_time(pace, 1e-4, 1e-4, 10), 0.97);
}

}  // namespace
}  // namespace neurons
