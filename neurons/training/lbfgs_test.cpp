#include "neurons/training/lbfgs.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "neurons/base/testing.hpp"
#include "neurons/training/line_search.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

/// Σ 100 (x[i+1] - x[i]²)² + (1 - x[i])², least where all are 1 (Rosenbrock 1960).
double rosenbrock(std::span<const double> x, std::span<double> gradient) {
  double value = 0;
  std::ranges::fill(gradient, 0);
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const double bend = x[i + 1] - x[i] * x[i];
    value += 100 * bend * bend + (1 - x[i]) * (1 - x[i]);
    gradient[i] += -400 * x[i] * bend - 2 * (1 - x[i]);
    gradient[i + 1] += 200 * bend;
  }
  return value;
}

int run(LbfgsMinimizer& minimizer, int limit = 500) {
  int iterations = 0;
  while (iterations < limit && !minimizer.iterate()) ++iterations;
  return iterations;
}

TEST(Lbfgs, FindsRosenbrocksValley) {
  LbfgsMinimizer two({}, rosenbrock, {-1.2, 1});
  EXPECT_LT(run(two), 60);
  EXPECT_LE(two.gradient_norm(), 1e-7);
  EXPECT_NEAR(two.point()[0], 1, 1e-7);
  EXPECT_NEAR(two.point()[1], 1, 1e-7);

  LbfgsMinimizer fifty({.gradient_tolerance = 1e-9}, rosenbrock, std::vector<double>(50, -1.2));
  EXPECT_LT(run(fifty), 400);
  EXPECT_LE(fifty.gradient_norm(), 1e-9);
}

TEST(Lbfgs, TheValueNeverRises) {
  LbfgsMinimizer minimizer({.memory = 3}, rosenbrock, {-1.2, 1, 3, -2});
  double last = minimizer.value();
  for (int i = 0; i < 100 && !minimizer.iterate(); ++i) {
    EXPECT_LE(minimizer.value(), last) << i;
    last = minimizer.value();
  }
}

TEST(Lbfgs, AQuadraticTakesAboutAsManyStepsAsItHasDimensions) {
  const auto quadratic = [](std::span<const double> x, std::span<double> gradient) {
    double value = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double stiffness = std::pow(10.0, static_cast<double>(i));
      gradient[i] = stiffness * (x[i] - 2);
      value += stiffness * (x[i] - 2) * (x[i] - 2) / 2;
    }
    return value;
  };
  LbfgsMinimizer minimizer({}, quadratic, {0, 0, 0, 0, 0});
  EXPECT_LT(run(minimizer), 40);
  for (const double x : minimizer.point()) EXPECT_NEAR(x, 2, 1e-7);
}

TEST(Lbfgs, StepsBackFromWhereTheFunctionEnds) {
  // -log x + x, least at 1; NaN for x ≤ 0, infinite far to the right.
  const auto barrier = [](std::span<const double> x, std::span<double> gradient) {
    gradient[0] = 1 - 1 / x[0];
    return x[0] > 1e6 ? std::numeric_limits<double>::infinity() : x[0] - std::log(x[0]);
  };
  for (const double start : {1e-6, 0.3, 50.0, 9e5}) {
    LbfgsMinimizer minimizer({}, barrier, {start});
    run(minimizer);
    EXPECT_NEAR(minimizer.point()[0], 1, 1e-6) << "from " << start;
  }
}

TEST(Lbfgs, StopsWhereNothingIsFinite) {
  const auto nowhere = [](std::span<const double>, std::span<double> gradient) {
    gradient[0] = std::nan("");
    return std::nan("");
  };
  LbfgsMinimizer minimizer({}, nowhere, {3});
  EXPECT_TRUE(minimizer.iterate());
  EXPECT_EQ(minimizer.point()[0], 3);
}

TEST(Lbfgs, StopsAtOnceAtAMinimum) {
  LbfgsMinimizer minimizer({}, rosenbrock, {1, 1});
  EXPECT_TRUE(minimizer.iterate());
  EXPECT_EQ(minimizer.evaluations(), 1);
}

TEST(Lbfgs, SeesThroughTheRoundingOfValuesToTheSlopes) {
  // Values as float sums give them; gradients good to many more digits.
  const auto rounded = [](std::span<const double> x, std::span<double> gradient) {
    return static_cast<double>(static_cast<float>(1000 + rosenbrock(x, gradient)));
  };
  LbfgsMinimizer minimizer({.gradient_tolerance = 1e-6}, rounded, {-1.2, 1}, 1e-7);
  run(minimizer);
  EXPECT_LE(minimizer.gradient_norm(), 1e-6);
}

TEST(Lbfgs, GoesOnBitExactlyFromItsState) {
  for (const int before : {0, 1, 5, 17}) {
    LbfgsMinimizer first({.memory = 4}, rosenbrock, {-1.2, 1, 0.5});
    for (int i = 0; i < before; ++i) first.iterate();
    LbfgsMinimizer second({.memory = 4}, rosenbrock, {9, 9, 9});
    second.restore(first.state());
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(first.iterate(), second.iterate());
      EXPECT_EQ(first.point(), second.point()) << before << " + " << i;
    }
  }
}

TEST(Lbfgs, RefusesAStateThatDoesNotFit) {
  LbfgsMinimizer minimizer({}, rosenbrock, {0, 0});
  EXPECT_THAT(message_of([&] { minimizer.restore({}); }), HasSubstr("the saved state has no \"lbfgs#point\""));
  const auto other = LbfgsMinimizer({}, rosenbrock, {0, 0, 0}).state();
  EXPECT_THAT(message_of([&] { minimizer.restore(other); }), HasSubstr("\"lbfgs#point\" is f64[3], expected f64 with 2 columns"));
  auto uneven = minimizer.state();
  uneven.at("lbfgs#steps") = Tensor(DType::f64, {1, 2});
  EXPECT_THAT(message_of([&] { minimizer.restore(uneven); }), HasSubstr("unequal numbers"));
}

TEST(WolfeSearch, MeetsTheStrongWolfeConditionsFromAnyFirstStep) {
  // φ(t) = -t / (t² + 2), least at √2 (Moré & Thuente 1994).
  const auto line = [](double t) { return LinePoint{t, -t / (t * t + 2), (t * t - 2) / ((t * t + 2) * (t * t + 2))}; };
  const LinePoint start = line(0);
  for (const double first : {1e-6, 1e-3, 1.0, 10.0, 1e3, 1e6}) {
    const LinePoint found = wolfe_search(line, start, {.first_step = first});
    EXPECT_LE(found.value, start.value + 1e-4 * found.step * start.slope) << first;
    EXPECT_LE(std::abs(found.slope), 0.9 * std::abs(start.slope)) << first;
    EXPECT_GT(found.step, 0) << first;
  }
}

TEST(WolfeSearch, SaysWhenNoPointIsLower) {
  const auto rising = [](double t) { return LinePoint{t, t, -1}; };  // a slope that lies
  EXPECT_EQ(wolfe_search(rising, {0, 0, -1}, {}).step, 0);
  const auto broken = [](double t) { return LinePoint{t, std::nan(""), std::nan("")}; };
  EXPECT_EQ(wolfe_search(broken, {0, 0, -1}, {}).step, 0);
}

TEST(WolfeSearch, KeepsTheLowestPointWhereEvaluationsRunOut) {
  const auto endless = [](double t) { return LinePoint{t, -t, -1}; };
  EXPECT_EQ(wolfe_search(endless, {0, 0, -1}, {.first_step = 1, .evaluations = 3}).step, 16);
}

}  // namespace
}  // namespace neurons
