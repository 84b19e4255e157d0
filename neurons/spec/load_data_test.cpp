#include "neurons/spec/load_data.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>

#include "neurons/base/testing.hpp"
#include "neurons/data/readers/npy.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

/// Forty rows: x = 0 … 39, a colour, and a class that is "high" in every fourth row.
void write_table(const std::filesystem::path& path, int rows = 40) {
  std::ofstream file(path);
  file << "x,colour,y\n";
  for (int i = 0; i < rows; ++i) file << i << ',' << (i % 2 == 0 ? "red" : "blue") << ',' << (i % 4 == 0 ? "high" : "low") << '\n';
}

class LoadData : public ::testing::Test {
 protected:
  LoadData() {
    spec_.file = folder_ / "spec.toml";
    spec_.data.source = "table.csv";
    write_table(folder_ / "table.csv");
  }
  LoadedData load() const { return load_data(spec_); }
  std::string refusal() const {
    return message_of([&] { load(); });
  }
  /// x of each sample, from its standardised value.
  static std::multiset<int> rows_of(const Dataset& data, double mean, double deviation) {
    std::multiset<int> rows;
    const auto values = data.inputs.values<float>();
    const auto width = static_cast<std::size_t>(data.inputs.shape()[1]);
    for (std::size_t i = 0; i < values.size(); i += width) {
      rows.insert(static_cast<int>(std::lround(static_cast<double>(values[i]) * deviation + mean)));
    }
    return rows;
  }

  TemporaryFolder folder_;
  Spec spec_;
};

TEST_F(LoadData, SampleWeightsStayWithTheirSamples) {
  std::ofstream(folder_ / "weighted.csv") << [] {
    std::string text = "x,w,y\n";
    for (int i = 0; i < 20; ++i) text += fmt::format("{},{},{}\n", i, i + 1, i % 2 == 0 ? "a" : "b");
    return text;
  }();
  spec_.data.source = "weighted.csv";
  spec_.data.weights.text = "w";
  spec_.data.scaling = Scaling::none;
  spec_.data.test.amount = 5;
  spec_.data.validation.amount = 5;
  const auto expect_own_weights = [&] {
    const LoadedData loaded = load();
    EXPECT_EQ(loaded.encoder->feature_names(), (std::vector<std::string>{"x"}));
    for (const Dataset* part : {&loaded.train, &*loaded.validation, &*loaded.test}) {
      ASSERT_EQ(static_cast<std::int64_t>(part->sample_weights.size()), part->samples());
      for (std::size_t i = 0; i < part->sample_weights.size(); ++i) {
        EXPECT_EQ(part->sample_weights[i], part->inputs.values<float>()[i] + 1);
      }
    }
  };
  expect_own_weights();
  spec_.data.weights.text = "1";  // the second column
  for (std::int64_t fold = 1; fold <= 3; ++fold) {
    spec_.data.test = {.fold = fold, .folds = 3};
    expect_own_weights();
  }
}

TEST_F(LoadData, ColumnsThatAreNotThere) {
  const auto refusal_of = [&](const std::string& line) {
    spec_ = parse_spec("[data]\nsource = \"table.csv\"\n" + line + "\n[network]\nlayers = [\"relu\"]\n", folder_ / "spec.toml");
    return refusal();
  };
  const std::string table = (folder_ / "table.csv").string();
  const std::string spec = (folder_ / "spec.toml").string();
  EXPECT_EQ(refusal_of("weights = \"color\""),
            spec + ":3:11: weights = \"color\": " + table + " has no such column; did you mean \"colour\"?");
  EXPECT_EQ(refusal_of("  target = -4"), spec + ":3:12: target = \"-4\": " + table + " has no such column");
  EXPECT_THAT(message_of([&] { refusal_of("weights = [1]"); }), HasSubstr(":3:11: weights: expected a column's name or number"));
  EXPECT_EQ(refusal_of("ignore = [\"x\", \"color\"]"),
            spec + ":3:16: ignore = \"color\": " + table + " has no such column; did you mean \"colour\"?");
  EXPECT_EQ(refusal_of("categorical = [\n \"z2\"]"), spec + ":4:2: categorical = \"z2\": " + table + " has no such column");
}

TEST_F(LoadData, SamplesOfOneClassAreRefused) {
  std::ofstream(folder_ / "table.csv") << "x,y\n1,a\n2,a\n3,a\n";
  const std::string table = (folder_ / "table.csv").string();
  EXPECT_EQ(refusal(), table + ": all 3 samples to learn from are of the class \"a\": there is nothing to tell apart");
  std::ofstream(folder_ / "table.csv") << "x,y\n1,1\n2,1\n3,1\n";
  EXPECT_THAT(refusal(), HasSubstr("are of the class \"1\""));
  spec_.data.task = Task::regression;  // a constant can be learnt
  EXPECT_EQ(load().train.samples(), 3);
}

TEST_F(LoadData, AClassIsNeverPartedToTheLastSample) {
  const auto classes_of = [](const Dataset& data) {
    const auto labels = data.targets.values<std::int64_t>();
    return std::set<std::int64_t>(labels.begin(), labels.end()).size();
  };
  std::ofstream file(folder_ / "table.csv");
  file << "x,y\n";
  for (int i = 0; i < 20; ++i) file << i << ',' << (i == 7 ? "rare" : i < 9 ? "few" : "many") << '\n';
  file.close();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    spec_.data.seed = seed;
    spec_.data.test = {.amount = 0.3};
    spec_.data.validation = {.amount = 0.3};
    const LoadedData loaded = load();
    EXPECT_EQ(classes_of(loaded.train), 3U);
    EXPECT_EQ(loaded.train.samples() + loaded.validation->samples() + loaded.test->samples(), 20);
    for (std::int64_t fold = 1; fold <= 4; ++fold) {
      spec_.data.test = {.fold = fold, .folds = 4};
      EXPECT_EQ(classes_of(load().train), 3U);
    }
  }
  const std::string table = (folder_ / "table.csv").string();
  std::ofstream(table) << "x,y\n1,a\n2,b\n3,c\n";
  spec_.data.validation = {};
  spec_.data.test = {.amount = 1};
  EXPECT_EQ(refusal(), "[data] test: holds no sample: no class of " + table + " has two; say stratified = false, or leave it out");
}

TEST_F(LoadData, WholeTable) {
  const LoadedData loaded = load();
  EXPECT_EQ(loaded.train.samples(), 40);
  EXPECT_FALSE(loaded.validation.has_value());
  EXPECT_FALSE(loaded.test.has_value());
  ASSERT_TRUE(loaded.encoder.has_value());
  EXPECT_EQ(loaded.encoder->feature_names(), (std::vector<std::string>{"x", "colour=blue", "colour=red"}));
  EXPECT_EQ(loaded.train.class_names, (std::vector<std::string>{"high", "low"}));
}

TEST_F(LoadData, PartsAreDisjointCompleteAndStratified) {
  spec_.data.test.amount = 0.25;
  spec_.data.validation.amount = 0.2;
  spec_.data.scaling = Scaling::none;
  const LoadedData loaded = load();
  EXPECT_EQ(loaded.test->samples(), 10);
  EXPECT_EQ(loaded.validation->samples(), 6);
  EXPECT_EQ(loaded.train.samples(), 24);
  std::multiset<int> all = rows_of(loaded.train, 0, 1);
  all.merge(rows_of(*loaded.test, 0, 1));
  all.merge(rows_of(*loaded.validation, 0, 1));
  EXPECT_EQ(std::set<int>(all.begin(), all.end()).size(), 40U);
  const auto high = [](const Dataset& data) {
    const auto labels = data.targets.values<std::int64_t>();
    return static_cast<double>(std::count(labels.begin(), labels.end(), 0)) / static_cast<double>(labels.size());
  };
  EXPECT_NEAR(high(*loaded.test), 0.25, 0.1);
  EXPECT_NEAR(high(*loaded.validation), 0.25, 0.1);
}

TEST_F(LoadData, TheEncodingIsFittedOnTheTrainingPartAlone) {
  spec_.data.test.amount = 0.5;
  spec_.data.validation.amount = 5;
  const LoadedData loaded = load();
  double sum = 0;
  const auto values = loaded.train.inputs.values<float>();
  for (std::size_t i = 0; i < values.size(); i += 3) sum += static_cast<double>(values[i]);
  EXPECT_NEAR(sum, 0, 1e-4);  // standardised over the training part: exactly centred there, and there alone
  double test_sum = 0;
  const auto test_values = loaded.test->inputs.values<float>();
  for (std::size_t i = 0; i < test_values.size(); i += 3) test_sum += static_cast<double>(test_values[i]);
  EXPECT_GT(std::abs(test_sum), 1e-3);
}

TEST_F(LoadData, PartsAreAFunctionOfTheSeed) {
  spec_.data.test.amount = 0.25;
  const LoadedData first = load();
  EXPECT_EQ(load().test->targets, first.test->targets);
  EXPECT_EQ(load().test->inputs, first.test->inputs);
  spec_.data.seed = 1;
  EXPECT_NE(load().test->inputs, first.test->inputs);
}

TEST_F(LoadData, FoldsTestEverySampleOnce) {
  spec_.data.scaling = Scaling::none;
  std::multiset<int> all;
  for (std::int64_t fold = 1; fold <= 5; ++fold) {
    spec_.data.test = {.fold = fold, .folds = 5};
    const LoadedData loaded = load();
    EXPECT_EQ(loaded.test->samples(), 8);
    all.merge(rows_of(*loaded.test, 0, 1));
  }
  EXPECT_EQ(all.size(), 40U);
  EXPECT_EQ(std::set<int>(all.begin(), all.end()).size(), 40U);
}

TEST_F(LoadData, PartsMayBeFilesOfTheirOwn) {
  write_table(folder_ / "more.csv", 12);
  spec_.data.test.source = "more.csv";
  const LoadedData loaded = load();
  EXPECT_EQ(loaded.train.samples(), 40);
  EXPECT_EQ(loaded.test->samples(), 12);
  spec_.data.test.source = "missing.csv";
  EXPECT_THAT(refusal(), HasSubstr("missing.csv"));
}

TEST_F(LoadData, RegressionTargetsAreStandardisedUnlessToldOtherwise) {
  spec_.data.target.text = "x";
  spec_.data.task = Task::regression;
  const LoadedData loaded = load();
  EXPECT_FALSE(loaded.train.is_classification());
  EXPECT_NEAR(static_cast<double>(loaded.train.targets.values<float>()[0]), -19.5 / std::sqrt((40.0 * 40 - 1) / 12), 1e-5);
  spec_.data.standardise_target = false;
  EXPECT_EQ(load().train.targets.values<float>()[3], 3.0F);
}

TEST_F(LoadData, RefusesPartsThatTakeAll) {
  spec_.data.test.amount = 40;
  const std::string table = (folder_ / "table.csv").string();
  EXPECT_EQ(refusal(), "[data] test = 40: " + table + " holds only 40 samples to part");
  spec_.data.test.amount = 30;
  spec_.data.validation.amount = 10;
  EXPECT_EQ(refusal(), "[data] validation = 10: " + table + " holds only 10 samples to part");
  spec_.data.validation = {.fold = 1, .folds = 11};
  EXPECT_EQ(refusal(), "[data] validation: 11 folds, but " + table + " holds only 10 samples to part");
  spec_.data.validation = {.amount = 0.04};
  EXPECT_EQ(refusal(), "[data] validation = 0.04: that share of the 10 samples of " + table + " is none; give a larger one");
}

TEST_F(LoadData, OneSampleIsNotParted) {
  std::ofstream(folder_ / "table.csv") << "x,y\n1,2\n";
  spec_.data.test.amount = 0.25;
  EXPECT_EQ(refusal(), "[data] test = 0.25: " + (folder_ / "table.csv").string() + " holds only one sample, nothing to part");
}

TEST_F(LoadData, DecimalCommasAreTakenWhereTheSpecSaysSo) {
  std::ofstream(folder_ / "table.csv") << "x;colour;y\n1,5;red;a\n2,5;blue;b\n3,5;red;a\n";
  EXPECT_THAT(refusal(), HasSubstr("table.csv:2: column x holds \"1,5\", expected numbers such as 1234.5"));
  spec_ = parse_spec("[data]\nsource = \"table.csv\"\ndecimal = \",\"\n[network]\nlayers = [\"relu\"]\n", folder_ / "spec.toml");
  EXPECT_EQ(load().encoder->feature_names(), (std::vector<std::string>{"x", "colour=blue", "colour=red"}));
  EXPECT_DOUBLE_EQ(load().encoder->rules().front().mean, 2.5);
  EXPECT_EQ(parse_spec(to_toml(spec_), spec_.file).data.decimal, ',');
}

TEST_F(LoadData, ArraysMayComeWithATestPart) {
  const auto ramp = [](std::int64_t rows) {
    Tensor x(DType::f32, {rows, 2});
    for (std::int64_t i = 0; i < 2 * rows; ++i) x.values<float>()[static_cast<std::size_t>(i)] = static_cast<float>(i);
    return x;
  };
  const auto labels = [](std::int64_t rows) {
    Tensor y(DType::i64, {rows});
    for (std::int64_t i = 0; i < rows; ++i) y.values<std::int64_t>()[static_cast<std::size_t>(i)] = i % 2;
    return y;
  };
  write_npz(folder_ / "both.npz", {{"x_train", ramp(10)}, {"y_train", labels(10)}, {"x_test", ramp(4)}, {"y_test", labels(4)}});
  write_npz(folder_ / "one.npz", {{"x", ramp(10)}, {"y", labels(10)}});
  spec_.data.source = "both.npz";
  EXPECT_EQ(load().test->samples(), 4);
  EXPECT_FALSE(load().encoder.has_value());
  spec_.data.validation.amount = 0.2;
  EXPECT_EQ(load().validation->samples(), 2);
  EXPECT_EQ(load().train.samples(), 8);
  spec_.data.test.amount = 0.2;
  EXPECT_THAT(refusal(), HasSubstr("comes with a test part of its own"));
  spec_.data.source = "one.npz";
  EXPECT_EQ(load().test->samples(), 2);
  spec_.data.scaling = Scaling::min_max;
  EXPECT_THAT(refusal(), HasSubstr("[data] scaling is for tables, but "));
  spec_.data.scaling = {};
  spec_.data.ignore = {{"a"}};
  EXPECT_THAT(refusal(), HasSubstr("[data] ignore is for tables, but "));
}

TEST_F(LoadData, NaNsAreNamed) {
  Tensor x(DType::f32, {4, 2});
  x.values<float>()[5] = std::nanf("");
  write_npz(folder_ / "nan.npz", {{"x", x}, {"y", Tensor(DType::i64, {4})}});
  spec_.data.source = "nan.npz";
  EXPECT_THAT(refusal(), HasSubstr("nan"));
}

TEST_F(LoadData, FindsBundledDataAndSaysWhereItLooked) {
  const std::filesystem::path repository = NEURONS_SOURCE_DIR;
  EXPECT_EQ(find_source("iris", repository / "examples"), repository / "data" / "iris");
  const std::vector<std::filesystem::path> places = {repository};
  EXPECT_EQ(find_source("iris", folder_.path(), places), repository / "data" / "iris");
  EXPECT_EQ(find_source("table.csv", folder_.path(), places), folder_ / "table.csv");
  EXPECT_THAT(message_of([&] { find_source("iris", folder_.path()); }),
              HasSubstr("the folder data/ of the bundled data sets was not found"));
  std::filesystem::create_directory(folder_ / "iris");  // the bundled set is meant all the same
  EXPECT_EQ(find_source("iris", folder_.path(), places), repository / "data" / "iris");
  EXPECT_EQ(find_source("./iris", folder_.path(), places), folder_.path() / "./iris");
  EXPECT_THAT(message_of([&] { find_source("irs", folder_.path()); }), HasSubstr("did you mean \"iris\"?"));
  EXPECT_THAT(message_of([&] { find_source("", folder_.path()); }), HasSubstr("names no source"));
}

TEST_F(LoadData, BundledTablesKnowTheirTarget) {
  Spec spec;
  spec.file = std::filesystem::path(NEURONS_SOURCE_DIR) / "examples" / "spec.toml";
  spec.data.source = "diabetes";
  const LoadedData loaded = load_data(spec);
  EXPECT_EQ(loaded.train.samples(), 442);
  EXPECT_FALSE(loaded.train.is_classification());
}

}  // namespace
}  // namespace neurons
