#include "neurons/training/metrics.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "neurons/base/testing.hpp"
#include "neurons/training/training_testing.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::floats;
using ::testing::HasSubstr;
using testing::labels;
using testing::message_of;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(ClassificationReport, CountsByHand) {
  // Predicted 0, 2, 1, 0; the third sample's own class is the second largest, the fourth's the smallest.
  const auto report = classification_report(floats({4, 3}, {3, 1, 2, 0, 1, 5, 1, 9, 2, 7, 5, 4}), labels({0, 2, 2, 2}));
  EXPECT_THAT(report.confusion, ElementsAre(ElementsAre(1, 0, 0), ElementsAre(0, 0, 0), ElementsAre(1, 1, 1)));
  EXPECT_DOUBLE_EQ(report.accuracy, 0.5);
  EXPECT_THAT(report.top_k, ElementsAre(0.5, 0.75, 1.0));
  EXPECT_DOUBLE_EQ(report.classes[0].precision, 0.5);
  EXPECT_DOUBLE_EQ(report.classes[0].recall, 1);
  EXPECT_DOUBLE_EQ(report.classes[0].f1, 2.0 / 3);
  EXPECT_DOUBLE_EQ(report.classes[1].precision, 0) << "predicted once, wrongly";
  EXPECT_DOUBLE_EQ(report.classes[1].recall, 0) << "nothing of nothing";
  EXPECT_DOUBLE_EQ(report.classes[2].precision, 1);
  EXPECT_DOUBLE_EQ(report.classes[2].recall, 1.0 / 3);
  EXPECT_EQ(report.classes[2].support, 3);
  EXPECT_DOUBLE_EQ(report.macro_f1, (2.0 / 3 + 0 + 0.5) / 3);
  EXPECT_TRUE(std::isnan(report.roc_auc)) << "class 1 is missing";
}

TEST(ClassificationReport, OneLogitStandsForTwoClasses) {
  const auto report = classification_report(floats({5, 1}, {-1, 2, 0.5F, -3, 0.5F}), labels({0, 1, 0, 0, 1}));
  EXPECT_THAT(report.confusion, ElementsAre(ElementsAre(2, 1), ElementsAre(0, 2)));
  EXPECT_THAT(report.top_k, ElementsAre(0.8, 1.0));
  EXPECT_DOUBLE_EQ(report.roc_auc, 5.5 / 6) << "of six pairs five are in order and one is tied";
}

TEST(ClassificationReport, LargeLogitsDoNotSaturateTheirOrder) {
  const auto report = classification_report(floats({3, 2}, {0, 1000, 0, 2000, 0, 3000}), labels({0, 1, 1}));
  EXPECT_DOUBLE_EQ(report.roc_auc, 1);
}

TEST(ClassificationReport, TiesGoToTheLowerLabel) {
  const auto report = classification_report(floats({2, 2}, {1, 1, 1, 1}), labels({0, 1}));
  EXPECT_THAT(report.confusion, ElementsAre(ElementsAre(1, 0), ElementsAre(1, 0)));
  EXPECT_DOUBLE_EQ(report.roc_auc, 0.5);
}

TEST(ClassificationReport, EqualProbabilitiesAreTiesHoweverTheirSumsAreRounded) {
  // The sums of exp(0), exp(0), exp(-1) and exp(-3) differ in their last bits from order to order.
  const auto report =
      classification_report(floats({4, 4}, {0, 0, -3, -1, 0, -3, 0, -1, -3, 0, 0, -1, 0, -1, 0, -3}), labels({3, 1, 0, 2}));
  EXPECT_DOUBLE_EQ(report.roc_auc, 1.0 / 3);
}

TEST(ClassificationReport, ProbabilitiesOfAlmostOneAreToldApart) {
  const auto report = classification_report(floats({4, 3}, {50, 0, 0, 60, 0, 0, 0, 50, 0, 0, 0, 50}), labels({1, 0, 1, 2}));
  EXPECT_DOUBLE_EQ(report.roc_auc, (1 + 3.5 / 4 + 1) / 3);
}

TEST(ClassificationReport, RefusesWhatDoesNotFit) {
  EXPECT_THAT(message_of([] {
                classification_report(floats({2, 2}, {1, 2, 3, 4}), labels({0, 1, 1}));
              }),
              HasSubstr("got f32[2, 2] and i64[3]"));
  EXPECT_THAT(message_of([] {
                classification_report(floats({2, 2}, {1, 2, 3, 4}), labels({0, 2}));
              }),
              HasSubstr("label 2 of sample 1 is no class of 0 … 1"));
  EXPECT_THAT(message_of([] { classification_report(floats({2, 2}, {1, 2, 3, 4}), labels({-1, 0})); }), HasSubstr("label -1"));
  EXPECT_THAT(message_of([] {
                classification_report(floats({2, 2}, {1, 2, 3, std::nanf("")}), labels({1, 0}));
              }),
              HasSubstr("score 1 of sample 1 is nan"));
  EXPECT_THAT(message_of([] { classification_report(floats({1, 1}, {kInfinity}), labels({0})); }), HasSubstr("is inf"));
  EXPECT_THAT(message_of([] { classification_report(floats({0, 3}, {}), labels({})); }), HasSubstr("nothing to measure"));
  EXPECT_THAT(message_of([] { classification_report(labels({0}), labels({0})); }), HasSubstr("got i64[1] and i64[1]"));
}

TEST(RegressionReport, CountsByHand) {
  const auto report = regression_report(floats({3, 1}, {1, 2, 4}), floats({3, 1}, {1, 3, 2}));
  EXPECT_DOUBLE_EQ(report.mse, 5.0 / 3);
  EXPECT_DOUBLE_EQ(report.rmse, std::sqrt(5.0 / 3));
  EXPECT_DOUBLE_EQ(report.mae, 1);
  EXPECT_DOUBLE_EQ(report.r2, 1 - 5.0 / 2);
}

TEST(RegressionReport, AConstantTargetHasNoR2) {
  EXPECT_TRUE(std::isnan(regression_report(floats({3, 1}, {1, 2, 4}), floats({3, 1}, {0.1F, 0.1F, 0.1F})).r2));
  EXPECT_TRUE(std::isnan(regression_report(floats({1, 1}, {1}), floats({1, 1}, {2})).r2));
}

TEST(RegressionReport, R2IsThatOfTheTargetsThatVary) {
  // The middle output is always 7, and missed by 1: it counts in the errors alone.
  const auto report = regression_report(floats({3, 3}, {1, 8, 0, 2, 6, 0, 4, 8, 0}), floats({3, 3}, {1, 7, 1, 3, 7, 2, 2, 7, 3}));
  EXPECT_DOUBLE_EQ(report.r2, ((1 - 5.0 / 2) + (1 - 14.0 / 2)) / 2);
  EXPECT_DOUBLE_EQ(report.mse, (5.0 + 3 + 14) / 9);
}

TEST(RegressionReport, ATargetOfNanCountsNowhere) {
  const auto report = regression_report(floats({3, 2}, {1, kInfinity, 2, 6, 4, 8}), floats({3, 2}, {1, NAN, NAN, 7, 2, 5}));
  EXPECT_DOUBLE_EQ(report.mse, (0.0 + 4 + 1 + 9) / 4);
  EXPECT_DOUBLE_EQ(report.mae, (0.0 + 2 + 1 + 3) / 4);
  EXPECT_DOUBLE_EQ(report.r2, ((1 - 4 / 0.5) + (1 - 10 / 2.0)) / 2);
  EXPECT_THAT(message_of([] { regression_report(floats({1, 1}, {1}), floats({1, 1}, {NAN})); }), HasSubstr("every target is NaN"));
}

TEST(RegressionReport, RefusesWhatDoesNotFit) {
  EXPECT_THAT(message_of([] {
                regression_report(floats({2, 1}, {1, 2}), floats({2}, {1, 2}));
              }),
              HasSubstr("f32[2, 1] and f32[2]"));
  EXPECT_THAT(message_of([] {
                regression_report(floats({2, 1}, {1, 2}), floats({2, 1}, {1, kInfinity}));
              }),
              HasSubstr("target 0 of sample 1 is inf"));
  EXPECT_THAT(message_of([] { regression_report(floats({0, 1}, {}), floats({0, 1}, {})); }), HasSubstr("nothing to measure"));
}

}  // namespace
}  // namespace neurons
