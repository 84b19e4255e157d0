#include "neurons/training/levenberg_marquardt.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "neurons/base/random.hpp"
#include "neurons/base/testing.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using Vector = std::vector<double>;

/// One residual and its row of the Jacobian.
using Residual = std::function<double(std::size_t index, std::span<const double> w, std::span<double> row)>;

class Problem : public LeastSquares {
 public:
  Problem(std::size_t parameters, std::size_t residuals, Residual residual)
      : parameters_(parameters), residuals_(residuals), residual_(std::move(residual)) {}
  std::size_t parameters() const override { return parameters_; }
  std::size_t residuals() const override { return residuals_; }
  double squares(std::span<const double> point) override {
    Vector row(parameters_);
    double sum = 0;
    for (std::size_t i = 0; i < residuals_; ++i) sum += std::pow(residual_(i, point, row), 2);
    return sum;
  }
  double linearize(std::span<const double> point, std::span<double> gradient, std::span<double> curvature) override {
    std::fill(gradient.begin(), gradient.end(), 0);
    std::fill(curvature.begin(), curvature.end(), 0);
    Vector row(parameters_);
    double sum = 0;
    for (std::size_t i = 0; i < residuals_; ++i) {
      const double r = residual_(i, point, row);
      sum += r * r;
      for (std::size_t a = 0; a < parameters_; ++a) {
        gradient[a] += row[a] * r;
        for (std::size_t b = 0; b < parameters_; ++b) curvature[a * parameters_ + b] += row[a] * row[b];
      }
    }
    return sum;
  }

 private:
  std::size_t parameters_;
  std::size_t residuals_;
  Residual residual_;
};

/// Rosenbrock's function as a sum of squares.
Problem rosenbrock() {
  return {2, 2, [](std::size_t i, std::span<const double> w, std::span<double> row) {
            if (i == 0) {
              row[0] = -20 * w[0];
              row[1] = 10;
              return 10 * (w[1] - w[0] * w[0]);
            }
            row[0] = -1;
            row[1] = 0;
            return 1 - w[0];
          }};
}

/// w0 exp(w1 t) at t = 0, 0.1, …, 1.9 against 3 exp(-2 t).
Problem decaying_curve() {
  return {2, 20, [](std::size_t i, std::span<const double> w, std::span<double> row) {
            const double t = 0.1 * static_cast<double>(i);
            row[0] = std::exp(w[1] * t);
            row[1] = w[0] * t * std::exp(w[1] * t);
            return w[0] * std::exp(w[1] * t) - 3 * std::exp(-2 * t);
          }};
}

/// Column c is scale[c] in its own rows, 0 elsewhere: JᵀJ is diagonal. Targets are true_w · scale + noise.
struct Orthogonal {
  Vector scale;
  Vector true_weights;
  std::size_t rows_each = 10;
  double noise = 0;
  double target(std::size_t row) const {
    RandomStream random(7, row);
    return true_weights[row / rows_each] * scale[row / rows_each] + noise * random.normal();
  }
  Problem problem() const {
    const Orthogonal self = *this;
    return {scale.size(), scale.size() * rows_each, [self](std::size_t i, std::span<const double> w, std::span<double> row) {
              std::fill(row.begin(), row.end(), 0);
              const std::size_t column = i / self.rows_each;
              row[column] = self.scale[column];
              return w[column] * self.scale[column] - self.target(i);
            }};
  }
};

int run(LeastSquaresMinimizer& minimizer, int limit = 200) {
  int iterations = 0;
  while (iterations < limit && !minimizer.iterate()) ++iterations;
  return iterations;
}

TEST(LevenbergMarquardt, FindsRosenbrocksValley) {
  Problem problem = rosenbrock();
  LeastSquaresMinimizer minimizer({}, problem, {-1.2, 1});
  EXPECT_LT(run(minimizer), 40);
  EXPECT_NEAR(minimizer.point()[0], 1, 1e-8);
  EXPECT_NEAR(minimizer.point()[1], 1, 1e-8);
}

TEST(LevenbergMarquardt, ConvergesQuadraticallyWhereNothingIsLeftOver) {
  Problem problem = decaying_curve();
  LeastSquaresMinimizer minimizer({.damping = 1e-12}, problem, {2.5, -1.5});
  const auto error = [&] { return std::abs(minimizer.point()[0] - 3) + std::abs(minimizer.point()[1] + 2); };
  double last = error();
  int steps = 0;
  for (; last > 1e-8; ++steps) {
    minimizer.iterate();
    EXPECT_LE(error(), last * last) << steps;
    last = error();
    ASSERT_LT(steps, 8);
  }
  EXPECT_GE(steps, 3) << "far enough away to see it";
}

TEST(LevenbergMarquardt, ConvergesFasterThanLinearlyFromFarAway) {
  Problem problem = decaying_curve();
  LeastSquaresMinimizer minimizer({}, problem, {1, 0});
  run(minimizer, 20);
  EXPECT_NEAR(minimizer.point()[0], 3, 1e-10);
  EXPECT_NEAR(minimizer.point()[1], -2, 1e-10);
}

TEST(LevenbergMarquardt, TheObjectiveNeverRises) {
  Problem problem = rosenbrock();
  LeastSquaresMinimizer minimizer({}, problem, {-1.2, 1}, {0.01, 0.02});
  double last = minimizer.objective();
  for (int i = 0; i < 100 && !minimizer.iterate(); ++i) {
    EXPECT_LE(minimizer.objective(), last) << i;
    last = minimizer.objective();
  }
}

TEST(LevenbergMarquardt, DecayGivesRidgeRegression) {
  // Minimum of ½ (3 w - 6)² · 10 + ½ decay w²: w = 180 / (90 + decay).
  Problem problem = Orthogonal{{3}, {2}}.problem();
  LeastSquaresMinimizer minimizer({}, problem, {0}, {30});
  run(minimizer);
  EXPECT_NEAR(minimizer.point()[0], 180.0 / 120, 1e-8);
}

TEST(LevenbergMarquardt, BayesianDecayIsAFixedPointOfTheEvidence) {
  const Orthogonal design{{1, 0.3, 2}, {1, 0.5, -2}, 20, 0.8};
  Problem problem = design.problem();
  LeastSquaresMinimizer minimizer({.bayesian = true}, problem, {0.1, 0.1, 0.1});
  run(minimizer, 2000);
  const double decay = minimizer.decay()[0];
  ASSERT_GT(decay, 0);
  double effective = 0;
  double squares = 0;
  double weights = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    const double curvature = 20 * design.scale[c] * design.scale[c];
    effective += curvature / (curvature + decay);
    double sum = 0;
    for (std::size_t i = 0; i < 20; ++i) sum += design.scale[c] * design.target(20 * c + i);
    const double w = sum / (curvature + decay);  // ridge regression, column by column
    EXPECT_NEAR(minimizer.point()[c], w, 1e-5 * std::abs(w));
    for (std::size_t i = 0; i < 20; ++i) squares += std::pow(w * design.scale[c] - design.target(20 * c + i), 2);
    weights += w * w;
  }
  EXPECT_NEAR(minimizer.effective_parameters(), effective, 1e-5);
  EXPECT_NEAR(decay, effective * squares / ((60 - effective) * weights), 1e-5 * decay);
}

TEST(LevenbergMarquardt, BayesianDecayIsLargeWhereThereIsOnlyNoise) {
  Problem noise = Orthogonal{{1, 1, 1}, {0, 0, 0}, 20, 1}.problem();
  Problem signal = Orthogonal{{1, 1, 1}, {3, -3, 3}, 20, 1}.problem();
  LeastSquaresMinimizer of_noise({.bayesian = true}, noise, {0.1, 0.1, 0.1});
  LeastSquaresMinimizer of_signal({.bayesian = true}, signal, {0.1, 0.1, 0.1});
  run(of_noise);
  run(of_signal);
  EXPECT_GT(of_noise.decay()[0], 10 * of_signal.decay()[0]);
  EXPECT_NEAR(of_signal.effective_parameters(), 3, 0.1);
}

TEST(LevenbergMarquardt, EachGroupHasADecayOfItsOwn) {
  Problem problem = Orthogonal{{1, 1, 1}, {3, 0, 0}, 20, 1}.problem();
  LeastSquaresMinimizer minimizer({.bayesian = true}, problem, {0.1, 0.1, 0.1}, {}, {0, 1, 1});
  run(minimizer);
  EXPECT_LT(minimizer.decay()[0], 1);
  EXPECT_GT(minimizer.decay()[1], 10);
  EXPECT_EQ(minimizer.decay()[1], minimizer.decay()[2]);
  EXPECT_NEAR(minimizer.point()[0], 3, 0.6);
}

TEST(LevenbergMarquardt, ParametersThatDoNotMatterStayWhereTheyAre) {
  Problem problem(2, 1, [](std::size_t, std::span<const double> w, std::span<double> row) {
    row[0] = 1;
    row[1] = 0;
    return w[0] - 5;
  });
  LeastSquaresMinimizer minimizer({}, problem, {0, 7});
  run(minimizer);
  EXPECT_NEAR(minimizer.point()[0], 5, 1e-8);
  EXPECT_EQ(minimizer.point()[1], 7);
}

TEST(LevenbergMarquardt, StepsBackFromWhereTheFunctionEnds) {
  Problem problem(1, 1, [](std::size_t, std::span<const double> w, std::span<double> row) {
    row[0] = 1 / w[0];
    return std::log(w[0]);  // NaN for w < 0; a Gauss–Newton step from 4 would go to -1.5
  });
  LeastSquaresMinimizer minimizer({.damping = 1e-9}, problem, {4});
  run(minimizer);
  EXPECT_NEAR(minimizer.point()[0], 1, 1e-8);
}

TEST(LevenbergMarquardt, StopsWhereNothingIsFinite) {
  Problem problem(1, 1, [](std::size_t, std::span<const double>, std::span<double> row) { return row[0] = std::nan(""); });
  LeastSquaresMinimizer minimizer({}, problem, {4});
  EXPECT_TRUE(minimizer.iterate());
  EXPECT_EQ(minimizer.point()[0], 4);
}

TEST(LevenbergMarquardt, GoesOnBitExactlyFromItsState) {
  const Orthogonal design{{1, 0.3, 2}, {1, 0.5, -2}, 20, 0.8};
  for (const bool bayesian : {false, true}) {
    for (const int before : {0, 1, 4}) {
      Problem problem = bayesian ? design.problem() : rosenbrock();
      const Vector start(problem.parameters(), 0.3);
      LeastSquaresMinimizer first({.bayesian = bayesian}, problem, start);
      for (int i = 0; i < before; ++i) first.iterate();
      LeastSquaresMinimizer second({.bayesian = bayesian}, problem, Vector(problem.parameters(), 9));
      second.restore(first.state());
      for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(first.iterate(), second.iterate());
        EXPECT_EQ(first.point(), second.point());
      }
    }
  }
}

TEST(LevenbergMarquardt, RefusesWhatDoesNotFit) {
  Problem problem = rosenbrock();
  EXPECT_THAT(message_of([&] { LeastSquaresMinimizer({}, problem, {1}); }), HasSubstr("1 starting values for 2 parameters"));
  EXPECT_THAT(message_of([&] { LeastSquaresMinimizer({}, problem, {1, 1}, {1}); }), HasSubstr("1 decays for 2 parameters"));
  EXPECT_THAT(message_of([&] {
                LeastSquaresMinimizer({}, problem, {1, 1}, {}, {0, 0, 1});
              }),
              HasSubstr("3 groups for 2 parameters"));
  EXPECT_THAT(message_of([&] {
                LeastSquaresMinimizer({.bayesian = true}, problem, {1, 1}, {0, 1});
              }),
              HasSubstr("bayesian finds the weight decay itself; leave l2 at 0"));
  LeastSquaresMinimizer minimizer({}, problem, {1, 1});
  EXPECT_THAT(message_of([&] { minimizer.restore({}); }), HasSubstr("has no \"levenberg_marquardt#point\""));
  auto state = minimizer.state();
  state.at("levenberg_marquardt#numbers") = Tensor(DType::f32, {3});
  EXPECT_THAT(message_of([&] { minimizer.restore(state); }), HasSubstr("is f32[3], expected f64[3]"));
}

}  // namespace
}  // namespace neurons
