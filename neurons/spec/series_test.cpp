/// Forecasting from a spec: parts in the order of time, baselines, intervals, steps behind the horizon.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "neurons/base/testing.hpp"
#include "neurons/spec/forecast.hpp"
#include "neurons/spec/run.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

/// A season of 12 months that grows, and a column that tells the season.
class SeriesRun : public ::testing::Test {
 protected:
  SeriesRun() {
    std::ofstream file(folder_ / "sales.csv");
    file << "month,sales,heat\n";
    for (int i = 0; i < 240; ++i) {
      const double season = std::sin(i * 0.5235987755982988);
      file << fmt::format("{:04}-{:02},{:.4f},{:.4f}\n", 2000 + i / 12, i % 12 + 1, 50 + 0.1 * i + 10 * season, season);
    }
  }
  Spec spec(const std::string& data, const std::string& layers = R"("flatten", { kind = "dense", units = "outputs" })") const {
    return parse_spec(fmt::format("[data]\nsource = \"sales.csv\"\n{}\n[network]\nlayers = [{}]\n[training]\n"
                                  "optimizer = {{ kind = \"adam\", learning_rate = 0.01 }}\nepochs = 40\nthreads = 1\n",
                                  data, layers),
                      folder_ / "spec.toml");
  }
  RunOutcome train(const Spec& given) const { return run(given, {.folder = folder_ / "run"}); }
  std::string refusal(const std::string& data) const {
    return message_of([&] { prepare(spec(data)); });
  }

  TemporaryFolder folder_;
};

TEST_F(SeriesRun, PartsFollowOneAnotherInTime) {
  const LoadedData data =
      load_data(spec("test = 0.2\nvalidation = 24\n"
                     "series = { time = \"month\", values = [\"sales\"], length = 6, horizon = 2, stride = 3 }"));
  EXPECT_EQ(data.test->samples(), 48 - 1);
  EXPECT_EQ(data.validation->samples(), 24 - 1);
  EXPECT_EQ(data.train.samples(), (168 - 8) / 3 + 1);
  EXPECT_EQ(data.train.input_shape(), (Shape{6, 1}));
  // The first test window forecasts step 192: 50 + 19.2 + 10 sin(0).
  EXPECT_NEAR(data.series->decode(static_cast<double>(data.test->targets.values<float>()[0]), 0), 69.2, 1e-3);
  const LoadedData fold = load_data(spec("test = { fold = 1, folds = 3 }\nseries = { values = [\"sales\"], length = 6 }"));
  EXPECT_EQ(fold.train.samples(), 60 - 6);
  EXPECT_EQ(fold.test->samples(), 60);
}

TEST_F(SeriesRun, BeatsItsBaselinesAndForecastsWithIntervals) {
  const RunOutcome outcome = train(spec(
      "test = 0.2\nvalidation = 0.1\nseries = { time = \"month\", values = [\"sales\"], length = 24, horizon = 3, season = 12 }"));
  ASSERT_EQ(outcome.test->baselines.size(), 2U);
  EXPECT_EQ(outcome.test->baselines[0].name, "naive");
  // Seasonal naive lags 12 months behind a growth of 0.1 a month.
  EXPECT_NEAR(outcome.test->baselines[1].report.rmse, 1.2, 1e-3);
  EXPECT_LT(outcome.test->regression->rmse, 1.0);
  const Model model = open_model(folder_ / "run");
  EXPECT_EQ(evaluate(model, evaluation_data(model, nullptr), 1).regression->rmse, outcome.test->regression->rmse);
  EXPECT_EQ(model.residuals.shape(), (Shape{17, 3}));
  const Series series = forecast_series(model, nullptr);
  const auto steps = forecast(model, series, {.steps = 14, .level = 0.8, .threads = 1});
  ASSERT_EQ(steps.size(), 14U);
  EXPECT_EQ(steps.front().time, "2020-01");
  EXPECT_EQ(steps.back().time, "2021-02");
  for (int i = 0; i < 14; ++i) {
    const ForecastStep& step = steps[static_cast<std::size_t>(i)];
    EXPECT_NEAR(step.values[0], 50 + 0.1 * (240 + i) + 10 * std::sin((240 + i) * 0.5235987755982988), 4) << i;
    EXPECT_LT(step.low[0], step.high[0]);
  }
  EXPECT_EQ(forecast(model, series, {.threads = 1}).size(), 3U);
  const auto again = forecast(model, series, {.steps = 14, .level = 0.8, .threads = 1});
  EXPECT_EQ(again.back().low, steps.back().low);
  EXPECT_EQ(message_of([&] { forecast(model, series, {.level = 1}); }), "level = 1 must lie between 0 and 1, such as 0.9");
  Series brief = series;
  brief.values.resize(23);
  EXPECT_THAT(message_of([&] { forecast(model, brief); }), HasSubstr("has 23 steps, but the network sees 24 before it forecasts"));
}

/// The neuron adds up all that it has seen, so what it says tells how far back it remembers.
TEST_F(SeriesRun, ACarriedStateForecastsWithTheWholeSeriesBehindIt) {
  Spec carried = spec("test = 48\nseries = { values = [\"heat\"], length = 12, stride = 12, horizon = 1 }",
                      R"({ kind = "simple_rnn", hidden = 1, activation = "relu" })");
  carried.training.options.carry_state = true;
  carried.training.options.batch_size = 4;
  const RunOutcome outcome = train(carried);
  EXPECT_EQ(outcome.test->samples, 4);
  Model model = open_model(folder_ / "run");
  const auto set = [&](const char* name, const Shape& shape, float value) {
    model.network.set_parameter(name, Tensor::of<float>(shape, {value}));
  };
  set("simple_rnn1.weight", {1, 1}, 0);
  set("simple_rnn1.recurrent_weight", {1, 1}, 1);
  set("simple_rnn1.bias", {1}, 1);
  const auto counted = [&](float said) { return model.series->decode(static_cast<double>(said), 0); };
  const auto steps = forecast(model, forecast_series(model, nullptr), {.threads = 1});
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_NEAR(steps[0].values[0], counted(240), 1e-3) << "all 240 months";
  const Evaluation judged = evaluate(model, evaluation_data(model, nullptr), 1);
  for (int window = 0; window < 4; ++window) {
    EXPECT_EQ(judged.outputs.values<float>()[static_cast<std::size_t>(window)], static_cast<float>(12 * (window + 1)));
  }
  EXPECT_EQ(message_of([&] { forecast(model, forecast_series(model, nullptr), {.steps = 2}); }),
            "2 steps: the model carries its state from window to window and forecasts 1 at once; ask for at most as many");
  carried.data.series->stride = 1;
  EXPECT_THAT(message_of([&] { prepare(carried); }),
              HasSubstr("carry_state: each window begins where the one before it ends, so stride = 1 must be length = 12"));
}

TEST_F(SeriesRun, IsJudgedWithTheScalingItWasTrainedWith) {
  train(spec("test = 0.5\nseries = { values = [\"sales\"], length = 2 }"));
  const Model model = open_model(folder_ / "run");
  std::ofstream file(folder_ / "sales.csv", std::ios::app);
  for (int i = 0; i < 240; ++i) file << "2020-01," << 1000 + i * i % 7 << ",0\n";  // the first of them stands in the middle now
  file.close();
  const Dataset test = evaluation_data(model, nullptr);
  ASSERT_EQ(test.samples(), 240);
  const auto target = [&](std::size_t i) { return model.series->decode(static_cast<double>(test.targets.values<float>()[i]), 0); };
  EXPECT_NEAR(target(0), 1000, 1e-2);
  EXPECT_NEAR(target(5), 1004, 1e-2);
  EXPECT_NEAR(model.series->decode(static_cast<double>(test.inputs.values<float>()[3]), 0), 1000, 1e-2);
}

TEST_F(SeriesRun, EachColumnHasItsErrors) {
  const RunOutcome outcome =
      train(spec("test = 0.2\nseries = { values = [\"sales\", \"heat\"], length = 24, horizon = 2, season = 12 }"));
  ASSERT_EQ(outcome.test->columns.size(), 2U);
  const ColumnReport& sales = outcome.test->columns[0];
  const ColumnReport& heat = outcome.test->columns[1];
  EXPECT_EQ(heat.name, "heat");
  EXPECT_NEAR(outcome.test->regression->mse, (sales.report.mse + heat.report.mse) / 2, 1e-6);
  ASSERT_EQ(heat.baselines.size(), 2U);
  EXPECT_NEAR(sales.baselines[1].report.rmse, 1.2, 1e-3);
  EXPECT_NEAR(heat.baselines[1].report.rmse, 0, 1e-3);
}

/// The errors of the first block are the intervals: no drawing, no smoothing.
TEST_F(SeriesRun, IntervalsAreTheQuantilesOfTheErrors) {
  train(spec("test = 0.2\nseries = { values = [\"sales\"], length = 4, horizon = 2 }"));
  Model model = open_model(folder_ / "run");
  model.residuals = Tensor::of<float>({5, 2}, {-2, 10, -1, 10, 0, 10, 1, 10, 4, 10});
  const auto steps = forecast(model, forecast_series(model, nullptr), {.level = 0.5, .threads = 1});
  // Of five errors the next lies below -1.5, between the first two, with probability (1 + 2) / 2 / 6 = 0.25.
  EXPECT_NEAR(steps[0].low[0], steps[0].values[0] - 1.5, 1e-3);
  EXPECT_NEAR(steps[0].high[0], steps[0].values[0] + 2.5, 1e-3);
  EXPECT_NEAR(steps[1].low[0], steps[1].values[0] + 10, 1e-3);
}

TEST_F(SeriesRun, IntervalsHoldWhatTheyPromiseOrAreNotThere) {
  train(spec("validation = 20\nseries = { values = [\"sales\"], length = 4 }"));
  Model model = open_model(folder_ / "run");
  const Series series = forecast_series(model, nullptr);
  EXPECT_EQ(highest_level(model), 19.0 / 21.0);
  EXPECT_EQ(interval_level(model), 0.9);
  EXPECT_EQ(interval_doubt(model), "");
  model.spec.data.validation = {};
  EXPECT_THAT(interval_doubt(model), HasSubstr("has learnt from, so they may be too narrow"));
  model.residuals = Tensor::of<float>({3, 1}, {-1, 0, 1});
  EXPECT_EQ(highest_level(model), 0.5);
  EXPECT_EQ(
      interval_doubt(model),
      "there are no intervals: the run keeps its errors on 3 windows, those of level 0.9 need 19; train with a longer validation "
      "part");
  EXPECT_TRUE(forecast(model, series, {.threads = 1})[0].low.empty());
  const ForecastStep half = forecast(model, series, {.level = 0.5, .threads = 1})[0];
  EXPECT_NEAR(half.high[0] - half.low[0], 2, 1e-3);
  EXPECT_EQ(
      message_of([&] { forecast(model, series, {.level = 0.6}); }),
      "level = 0.6: the run keeps its errors on 3 windows, whose intervals hold 0.5 at most; lower it, or train with a longer "
      "validation part");
  model.residuals = {};
  EXPECT_EQ(forecast(model, series, {.steps = 3, .threads = 1}).size(), 3U);
  EXPECT_EQ(message_of([&] { forecast(model, series, {.level = 0.5}); }),
            "level = 0.5: the model keeps no errors to make intervals of");
}

TEST_F(SeriesRun, ForecastsAreNumbers) {
  train(spec("validation = 20\nseries = { values = [\"sales\"], length = 1 }"));
  Model model = open_model(folder_ / "run");
  const Series series = forecast_series(model, nullptr);
  model.network.set_parameter("dense1.weight", Tensor::of<float>({1, 1}, {1e10F}));
  EXPECT_THAT(message_of([&] { forecast(model, series, {.steps = 100, .threads = 1}); }),
              ::testing::MatchesRegex("100 steps: from step [345] on the forecasts, each made from those before it, are beyond all "
                                      "numbers; ask for fewer"));
  model.network.set_parameter("dense1.weight", Tensor::of<float>({1, 1}, {std::nanf("")}));
  EXPECT_THAT(message_of([&] { forecast(model, series, {.threads = 1}); }),
              HasSubstr(": the network forecasts nothing: dense1.weight[0, 0] is nan; take another file"));
  model.network.set_parameter("dense1.weight", Tensor::of<float>({1, 1}, {3e38F}));
  model.network.set_parameter("dense1.bias", Tensor::of<float>({1}, {3e38F}));
  EXPECT_THAT(message_of([&] { forecast(model, series, {.threads = 1}); }), HasSubstr("the model is of no use"));
}

TEST_F(SeriesRun, TheFileOfOnnxForecastsTheSame) {
  train(spec("validation = 30\nseries = { time = \"month\", values = [\"sales\"], length = 4 }"));
  const Model model = open_model(folder_ / "run");
  const Model onnx = open_model(folder_ / "run" / "model.onnx");
  const Series series = forecast_series(onnx, nullptr);
  const auto expected = forecast(model, series, {.steps = 3, .threads = 1});
  const auto steps = forecast(onnx, series, {.steps = 3, .threads = 1});
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(steps[i].values[0], expected[i].values[0], 1e-3);
    EXPECT_NEAR(steps[i].low.at(0), expected[i].low.at(0), 1e-3);
  }
  const std::filesystem::path years = folder_ / "years.csv";
  std::ofstream(years) << "month,sales\n2000-01,1\n2001-01,2\n2002-01,3\n2003-01,4\n2004-01,5\n2005-01,5\n";
  const std::string complaint = "from row to row its time grows by 12 months, but the model was trained on steps of 1 month";
  EXPECT_THAT(message_of([&] { forecast(model, forecast_series(model, &years)); }), HasSubstr(complaint));
  EXPECT_THAT(message_of([&] { evaluation_data(model, &years); }), HasSubstr(complaint));
}

TEST_F(SeriesRun, ExogenousColumnsHelpUpToTheHorizon) {
  train(spec("test = 0.2\nseries = { time = \"month\", values = [\"sales\"], exogenous = [\"heat\"], length = 12, horizon = 2 }"));
  const Model model = open_model(folder_ / "run");
  EXPECT_EQ(model.sample_shape(), (Shape{12, 2}));
  const Series series = forecast_series(model, nullptr);
  EXPECT_EQ(forecast(model, series, {.threads = 1}).size(), 2U);
  EXPECT_EQ(message_of([&] { forecast(model, series, {.steps = 3}); }),
            "3 steps: the model forecasts 2 at once and needs the exogenous column heat for more, which nobody forecasts");
}

TEST_F(SeriesRun, WhatCannotBeIsToldInOneSentence) {
  EXPECT_THAT(refusal("series = { horizon = 300 }"), HasSubstr("horizon = 300 is longer than the series, which has 240 steps"));
  EXPECT_THAT(refusal("test = 12\nseries = { horizon = 13 }"), HasSubstr("the test part has 12 of the series' 240 steps, too few"));
  EXPECT_THAT(refusal("series = { length = 12, season = 13 }"),
              HasSubstr("series.season = 13 is more than length = 12: the window must reach back a whole season"));
  EXPECT_THAT(refusal("series = { lenght = 12 }"), HasSubstr("unknown key \"lenght\"; did you mean \"length\"?"));
  EXPECT_THAT(refusal("series = { length = 0 }"), HasSubstr("spec.toml:3:21: series.length = 0 must be from 1"));
  EXPECT_THAT(refusal("target = \"sales\"\nseries = {}"), HasSubstr("[data] target is for tables, but not for series"));
  EXPECT_THAT(refusal("series = { values = [\"sale\"] }"), HasSubstr("did you mean \"sales\"?"));
  EXPECT_EQ(refusal("stratified = true\nseries = {}"),
            "[data] stratified: the parts of a series follow one another in its order; leave it out");
  EXPECT_THAT(refusal("seed = 0\nseries = {}"), HasSubstr("[data] seed: the parts of a series"));
  EXPECT_THAT(refusal("test = 300\nseries = {}"), HasSubstr("[data] test = 300:"));
  std::ofstream(folder_ / "sales.csv", std::ios::app) << "2021-01,1,1\n";
  EXPECT_THAT(refusal("series = { time = \"month\" }"),
              HasSubstr("sales.csv:242: a gap: 12 rows are missing between 2019-12 and 2021-01"));
}

}  // namespace
}  // namespace neurons
