/// Metrics against scikit-learn's: tests/fixtures/metrics.npz.

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "neurons/data/readers/npy.hpp"
#include "neurons/training/metrics.hpp"

namespace neurons {
namespace {

class AgainstScikitLearn : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { fixture_ = read_npz(NEURONS_SOURCE_DIR "/tests/fixtures/metrics.npz"); }
  static const Tensor& array(const std::string& name) { return fixture_.at(name); }
  static double number(const std::string& name, std::size_t index = 0) {
    const Tensor wide = array(name).cast(DType::f64);
    return wide.values<double>()[index];
  }
  static void expect_scores(const ClassificationReport& report, const std::string& prefix) {
    for (std::size_t c = 0; c < report.classes.size(); ++c) {
      EXPECT_NEAR(report.classes[c].precision, number(prefix + "precision", c), 1e-12) << c;
      EXPECT_NEAR(report.classes[c].recall, number(prefix + "recall", c), 1e-12) << c;
      EXPECT_NEAR(report.classes[c].f1, number(prefix + "f1", c), 1e-12) << c;
      for (std::size_t p = 0; p < report.classes.size(); ++p) {
        EXPECT_EQ(static_cast<double>(report.confusion[c][p]), number(prefix + "confusion", c * report.classes.size() + p));
      }
    }
  }
  static inline std::map<std::string, Tensor> fixture_;
};

TEST_F(AgainstScikitLearn, FourClasses) {
  const auto report = classification_report(array("logits"), array("labels"));
  expect_scores(report, "");
  EXPECT_NEAR(report.accuracy, number("accuracy"), 1e-12);
  EXPECT_NEAR(report.top_k[1], number("top_2_accuracy"), 1e-12);
  EXPECT_NEAR(report.top_k[2], number("top_3_accuracy"), 1e-12);
  EXPECT_NEAR(report.macro_f1, number("f1_macro"), 1e-12);
  EXPECT_NEAR(report.roc_auc, number("roc_auc_ovr_macro"), 1e-12);
  for (std::size_t c = 0; c < 4; ++c) EXPECT_EQ(static_cast<double>(report.classes[c].support), number("support", c));
}

TEST_F(AgainstScikitLearn, ClassesNeverPredictedOrNeverPresent) {
  const auto predicted = array("rare_predicted").values<std::int64_t>();
  Tensor scores(DType::f32, {static_cast<std::int64_t>(predicted.size()), 4});
  for (std::size_t i = 0; i < predicted.size(); ++i) scores.values<float>()[i * 4 + static_cast<std::size_t>(predicted[i])] = 1;
  expect_scores(classification_report(scores, array("rare_labels")), "rare_");
}

TEST_F(AgainstScikitLearn, TwoClassesWithTies) {
  const Tensor scores = array("binary_scores").cast(DType::f32);
  const auto report = classification_report(scores.reshaped({scores.elements(), 1}), array("binary_labels"));
  EXPECT_NEAR(report.roc_auc, number("roc_auc_binary"), 1e-12);
}

TEST_F(AgainstScikitLearn, TwoOutputs) {
  const auto report = regression_report(array("predictions"), array("targets"));
  EXPECT_NEAR(report.mse, number("mse"), 1e-12);
  EXPECT_NEAR(report.rmse, number("rmse"), 1e-12);
  EXPECT_NEAR(report.mae, number("mae"), 1e-12);
  EXPECT_NEAR(report.r2, number("r2"), 1e-12);
}

}  // namespace
}  // namespace neurons
