#include "neurons/training/schedules.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <vector>

#include "neurons/base/testing.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

/// Factors at the first step of each epoch.
std::vector<double> by_epoch(const Schedule& schedule, std::int64_t epochs, std::int64_t steps_per_epoch = 3) {
  std::vector<double> factors;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    factors.push_back(schedule.factor({epoch * steps_per_epoch, steps_per_epoch, epochs * steps_per_epoch}));
  }
  return factors;
}

std::vector<double> by_step(const Schedule& schedule, std::int64_t steps) {
  std::vector<double> factors;
  for (std::int64_t step = 0; step < steps; ++step) factors.push_back(schedule.factor({step, 1, steps}));
  return factors;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected, double tolerance = 1e-12) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], tolerance) << "at " << i;
}

TEST(Schedules, ConstantIsOneWhateverTheProgress) {
  EXPECT_EQ(Schedule(Constant{}).factor({0, 1, 1}), 1);
  EXPECT_EQ(Schedule(Constant{}).factor({1'000'000, 7, 10}), 1);
}

// The formulas that PyTorch publishes for StepLR(step_size=2, gamma=0.5), ExponentialLR(gamma=0.9), CosineAnnealingLR(T_max=8,
// eta_min=0.1) and OneCycleLR(max_lr=1, total_steps=10, pct_start=0.3, div_factor=25, final_div_factor=1e4), worked out in Python.
TEST(Schedules, AgreeWithPyTorchsFormulas) {
  expect_near(by_epoch(StepDecay{2, 0.5}, 6), {1, 1, 0.5, 0.5, 0.25, 0.25});
  expect_near(by_epoch(ExponentialDecay{0.9}, 5), {1, 0.9, 0.81, 0.729, 0.6561});
  expect_near(by_step(Cosine{0.1}, 8),
              {1.0, 0.9657457896300791, 0.8681980515339464, 0.7222075445642904, 0.55, 0.3777924554357097, 0.2318019484660537,
               0.13425421036992104},
              1e-9);
  expect_near(by_step(OneCycle{}, 10),
              {0.04, 0.52, 1.0, 0.9504846320134737, 0.8117456539497631, 0.6112620219362893, 0.3887419780637108, 0.18825834605023692,
               0.04951936798652646, 4e-6},
              1e-9);
}

TEST(Schedules, FactorsOfEpochsStayWithinAnEpoch) {
  const Schedule schedule = StepDecay{.epochs = 1, .decay = 0.1};
  EXPECT_DOUBLE_EQ(schedule.factor({4, 5, 50}), 1);
  EXPECT_DOUBLE_EQ(schedule.factor({5, 5, 50}), 0.1);
  EXPECT_DOUBLE_EQ(schedule.factor({9, 5, 50}), 0.1);
}

TEST(Schedules, CosineEndsAtItsFinalFactorAndStaysThere) {
  const Schedule schedule = Cosine{.final_factor = 0.25};
  EXPECT_DOUBLE_EQ(schedule.factor({0, 1, 100}), 1);
  EXPECT_DOUBLE_EQ(schedule.factor({50, 1, 100}), 0.625);
  EXPECT_DOUBLE_EQ(schedule.factor({100, 1, 100}), 0.25);
  EXPECT_DOUBLE_EQ(schedule.factor({170, 1, 100}), 0.25);
}

TEST(Schedules, OneCycleRisesToItsPeakThenFalls) {
  const Schedule schedule = OneCycle{.start_factor = 0.1, .peak_share = 0.25, .final_factor = 0.01};
  const auto factors = by_step(schedule, 100);
  EXPECT_DOUBLE_EQ(factors[0], 0.1);
  EXPECT_DOUBLE_EQ(factors[24], 1);
  EXPECT_DOUBLE_EQ(factors[99], 0.01);
  for (std::size_t i = 1; i < 100; ++i) EXPECT_EQ(factors[i] > factors[i - 1], i <= 24) << i;
  EXPECT_DOUBLE_EQ(schedule.factor({0, 1, 1}), 0.01) << "a single step is the last one";
}

// The rule of PyTorch's ReduceLROnPlateau(factor=0.5, patience=1, threshold=0.1, min_lr=0.2) worked by hand: bad epochs are
// 0.95 0.95 (falls) | 0.79 0.75 (falls: 0.75 > 0.9 · 0.8) | 0.6 0.6 (falls to the minimum) | 0.6 0.6 (stays there).
TEST(Schedules, ReduceOnPlateauFollowsPyTorchsRule) {
  const ReduceOnPlateau rule{.decay = 0.5, .patience = 1, .threshold = 0.1, .minimum_factor = 0.2};
  PlateauState state;
  std::vector<double> factors;
  for (const double loss : {1.0, 0.95, 0.95, 0.8, 0.79, 0.75, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6}) {
    state = rule.next(state, loss);
    factors.push_back(state.factor);
  }
  expect_near(factors, {1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2});
  EXPECT_EQ(Schedule(rule).factor({7, 1, 10}), 1) << "as a pure function it says nothing";
}

TEST(Schedules, ReduceOnPlateauTakesNaNForBadAndNegativeLossesForWhatTheyAre) {
  const ReduceOnPlateau rule{.decay = 0.1, .patience = 0, .threshold = 0.1};
  PlateauState state = rule.next({}, std::nan(""));
  EXPECT_DOUBLE_EQ(state.factor, 0.1);
  state = rule.next({}, -1.0);
  EXPECT_DOUBLE_EQ(rule.next(state, -1.05).factor, 0.1) << "better by less than a tenth";
  EXPECT_DOUBLE_EQ(rule.next(state, -1.2).factor, 1);
}

TEST(Schedules, WarmUpRisesLinearlyToOne) {
  EXPECT_DOUBLE_EQ(warm_up_factor(0, 4), 0.25);
  EXPECT_DOUBLE_EQ(warm_up_factor(2, 4), 0.75);
  EXPECT_DOUBLE_EQ(warm_up_factor(3, 4), 1);
  EXPECT_DOUBLE_EQ(warm_up_factor(1000, 4), 1);
  EXPECT_DOUBLE_EQ(warm_up_factor(0, 0), 1);
  EXPECT_THAT(message_of([] { warm_up_factor(0, -1); }), HasSubstr("warm_up_steps = -1 must be at least 0"));
}

TEST(Schedules, TheTableMakesEachFromItsAttributes) {
  EXPECT_EQ(schedule_kinds().size(), 6U);
  for (const auto& [kind, schedule] : schedule_kinds()) {
    EXPECT_EQ(schedule.kind(), kind);
    EXPECT_EQ(schedule.with(schedule.attributes()).attributes(), schedule.attributes());
  }
  const Schedule changed = schedule_of_kind("step").with({{"epochs", std::int64_t{3}}, {"decay", 0.5}});
  ASSERT_NE(changed.get<StepDecay>(), nullptr);
  EXPECT_EQ(changed.get<StepDecay>()->epochs, 3);
  EXPECT_EQ(changed.get<Cosine>(), nullptr);
  EXPECT_THAT(message_of([] { schedule_of_kind("cosin"); }), HasSubstr("unknown schedule \"cosin\"; did you mean \"cosine\"?"));
  EXPECT_THAT(message_of([] { schedule_of_kind("step").with({{"dekay", 0.5}}); }), HasSubstr("did you mean \"decay\"?"));
}

TEST(Schedules, RefuseNumbersThatMakeNoSense) {
  EXPECT_THAT(message_of([] { Schedule(StepDecay{.epochs = 0}); }), HasSubstr("schedule step: epochs = 0 must be at least 1"));
  EXPECT_THAT(message_of([] { Schedule(StepDecay{.decay = -0.5}); }), HasSubstr("decay = -0.5 must be above 0"));
  EXPECT_THAT(message_of([] { Schedule(ExponentialDecay{.decay = 1.5}); }), HasSubstr("schedule exponential: decay = 1.5"));
  EXPECT_THAT(message_of([] { Schedule(ExponentialDecay{.decay = std::nan("")}); }), HasSubstr("decay = nan"));
  EXPECT_THAT(message_of([] { Schedule(Cosine{.final_factor = 2}); }), HasSubstr("final_factor = 2 must be between 0 and 1"));
  EXPECT_THAT(message_of([] { Schedule(OneCycle{.peak_share = 1}); }), HasSubstr("peak_share = 1 must be between 0 and 1"));
  EXPECT_THAT(message_of([] { Schedule(ReduceOnPlateau{.decay = 1}); }), HasSubstr("schedule reduce_on_plateau: decay = 1"));
  EXPECT_THAT(message_of([] { schedule_of_kind("cosine").with({{"final_factor", -1.0}}); }), HasSubstr("final_factor = -1"));
}

}  // namespace
}  // namespace neurons
