/// Series from tables: times, gaps, windows, baselines.

#include "neurons/data/sequences/series.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/data/readers/csv.hpp"
#include "neurons/data/sequences/baselines.hpp"
#include "neurons/data/sequences/series_windows.hpp"
#include "neurons/data/splits.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;

Series timed(const std::string& rows) { return series_of(parse_csv("t,y\n" + rows, "s.csv"), {.time = "t"}); }
std::string refusal(const std::string& rows) {
  return message_of([&] { timed(rows); });
}
/// The time that follows three rows.
std::string fourth(const std::string& a, const std::string& b, const std::string& c) {
  return timed(a + ",1\n" + b + ",2\n" + c + ",3\n").times.text(3);
}

TEST(TimeAxis, GoesOnInMonthsDaysSecondsAndNumbers) {
  EXPECT_EQ(fourth("1983-10", "1983-11", "1983-12"), "1984-01");
  EXPECT_EQ(fourth("2020-01", "2020-04", "2020-07"), "2020-10");
  EXPECT_EQ(fourth("2023-11-30", "2023-12-31", "2024-01-31"), "2024-02-29");
  EXPECT_EQ(fourth("2023-01-15", "2023-02-15", "2023-03-15"), "2023-04-15");
  EXPECT_EQ(fourth("2024-02-27", "2024-02-28", "2024-02-29"), "2024-03-01");
  EXPECT_EQ(fourth("2024-02-05", "2024-02-12", "2024-02-19"), "2024-02-26");
  EXPECT_EQ(fourth("2024-02-28T22:00", "2024-02-28T22:40", "2024-02-28T23:20"), "2024-02-29T00:00");
  EXPECT_EQ(fourth("1969-12-31 23:59:57", "1969-12-31 23:59:58", "1969-12-31 23:59:59"), "1970-01-01 00:00:00");
  EXPECT_EQ(fourth("1749.083", "1749.167", "1749.25"), "1749.3335");
  EXPECT_EQ(fourth("1990", "1992", "1994"), "1996");
  EXPECT_EQ(series_of(parse_csv("y\n5\n6\n", "s.csv"), {}).times.text(2), "3");
}

TEST(TimeAxis, NamesGapsRepeatsAndDisorder) {
  EXPECT_EQ(refusal("2020-01,1\n2020-02,2\n2020-02,3\n2020-03,3\n"),
            "s.csv:4: the time 2020-02 stands twice; a series has one row for each time");
  EXPECT_EQ(
      refusal("2020-01,1\n2020-02,2\n2020-03,2\n2020-06,3\n2020-07,1\n"),
      "s.csv:5: a gap: 2 rows are missing between 2020-03 and 2020-06; fill them in, begin the series after the gap, or leave "
      "time out of [data] series if rows simply follow one another");
  EXPECT_THAT(refusal("1,1\n2,2\n4,2\n5,3\n6,3\n"), HasSubstr("s.csv:4: a gap: 1 row is missing between 2 and 4; fill it in"));
  EXPECT_EQ(refusal("1,1\n2,2\n3,2\n2.5,3\n4,3\n5,3\n"), "s.csv:5: the time 2.5 comes after 3; sort the rows by time");
  EXPECT_EQ(refusal("1,1\n2,2\n4,2\n3,3\n5,3\n6,3\n"), "s.csv:5: the time 3 comes after 4; sort the rows by time");
  EXPECT_THAT(refusal("1,1\n2,2\n3.4,2\n4.4,3\n"), HasSubstr("s.csv:4: the times 2 and 3.4 are not as far apart as most others"));
  EXPECT_THAT(refusal("1,1\n"), HasSubstr("a series needs at least two rows, this one has 1"));
  EXPECT_THAT(refusal("2020-01,1\nlate,2\nearly,2\n"), HasSubstr("s.csv:3: column t: \"late\" is no time"));
  EXPECT_THAT(refusal("2020-02-30,1\n2020-03-01,2\n"), HasSubstr("\"2020-02-30\" is no time"));
  EXPECT_THAT(refusal("2020-02-01T24:00,1\n2020-03-01T00:00,2\n"), HasSubstr("is no time"));
  EXPECT_THAT(refusal("1,1\n,2\n3,3\n"), HasSubstr("s.csv:3: column t: the time is missing"));
  EXPECT_THAT(refusal("2020-01,1\n2020-02-01,2\n"), HasSubstr("the time is written in another way than in the first row"));
}

TEST(TimeAxis, KnowsHowFarApartItsTimesAre) {
  const auto spacing = [](const std::string& a, const std::string& b) { return timed(a + ",1\n" + b + ",2\n").times.spacing(); };
  EXPECT_EQ(spacing("2020-01", "2020-02").text(), "1 month");
  EXPECT_EQ(spacing("2020-01-31", "2020-04-30").text(), "3 months");
  EXPECT_EQ(spacing("2020-02-28", "2020-03-06").text(), "7 days");
  EXPECT_EQ(spacing("2020-02-28T00:00", "2020-02-28T01:00").text(), "3600 seconds");
  EXPECT_EQ(spacing("1749", "1749.25").text(), "0.25");
  EXPECT_EQ(TimeSpacing{}.text(), "1 step");
  EXPECT_TRUE(spacing("1749", "1749.083").is_like(spacing("1749.083", "1749.167")));
  EXPECT_FALSE(spacing("1749", "1749.083").is_like(spacing("1749", "1749.25")));
  EXPECT_FALSE(spacing("2020-01", "2020-02").is_like(spacing("1", "2")));
}

TEST(Series, TakesColumnsByName) {
  const Table table = parse_csv("t,a,b,word\n1,10,1,x\n2,20,2,y\n", "s.csv");
  const Series both = series_of(table, {.time = "t", .values = {"b"}, .exogenous = {"a"}});
  EXPECT_EQ(both.steps(), 2);
  EXPECT_EQ(both.forecast_columns, 1);
  EXPECT_THAT(both.columns, ElementsAre("b", "a"));
  EXPECT_THAT(both.values, ElementsAre(1, 10, 2, 20));
  const auto complaint = [&](const SeriesOptions& options) { return message_of([&] { series_of(table, options); }); };
  EXPECT_EQ(complaint({.values = {"aa"}}),
            "s.csv: there is no column \"aa\", which [data] series names under values; did you mean \"a\"?");
  EXPECT_THAT(complaint({.time = "t", .values = {"a"}, .exogenous = {"a"}}), HasSubstr("names the column \"a\" twice"));
  EXPECT_THAT(complaint({.time = "t"}), HasSubstr("column word holds texts; a series is made of numbers"));
  EXPECT_THAT(message_of([] { series_of(parse_csv("y\n1\nNA\n3\n", "s.csv"), {}); }),
              HasSubstr("s.csv:3: column y: the value is missing"));
}

Series counted_series(std::int64_t steps, double shift = 0) {
  Series series{.source = "s.csv", .columns = {"y", "x"}, .forecast_columns = 1};
  for (std::int64_t i = 0; i < steps; ++i) {
    series.values.push_back(static_cast<double>(i) + shift);
    series.values.push_back(100.0 - static_cast<double>(i));
  }
  return series;
}

TEST(SeriesWindows, SeeWhatComesBeforeTheirTargets) {
  const Series series = counted_series(10);
  const auto scaling = SeriesScaling::fit(series, 10, Scaling::none);
  const SeriesOptions options{.length = 3, .horizon = 2};
  const Dataset all = series_windows(series, scaling, options, {0, 10}, 2, "it");
  EXPECT_EQ(all.inputs.shape(), (Shape{3, 3, 2}));
  EXPECT_THAT(all.targets.values<float>(), ElementsAre(3, 4, 5, 6, 7, 8));
  EXPECT_THAT(all.inputs.values<float>().first(6), ElementsAre(0, 100, 1, 99, 2, 98));
  const Dataset late = series_windows(series, scaling, options, {7, 10}, 1, "the test part");
  EXPECT_THAT(late.targets.values<float>(), ElementsAre(7, 8, 8, 9));
  EXPECT_THAT(late.inputs.values<float>().first(6), ElementsAre(4, 96, 5, 95, 6, 94));
  EXPECT_EQ(message_of([&] {
              series_windows(series, scaling, options, {9, 10}, 1, "the test part");
            }),
            "s.csv: the test part has 1 of the series' 10 steps, too few for one window of length = 3 before horizon = 2; shorten "
            "them");
  EXPECT_EQ(message_of([&] {
              series_windows(series, scaling, {.length = 3, .horizon = 10}, {0, 10}, 1, "it");
            }),
            "s.csv: horizon = 10 is longer than the series, which has 10 steps; shorten horizon in [data] series");
  EXPECT_THAT(last_window(series, scaling, 2).values<float>(), ElementsAre(8, 92, 9, 91));
  EXPECT_EQ(message_of([&] { last_window(series, scaling, 11); }),
            "s.csv: has 10 steps, but the network sees 11 before it forecasts");
}

TEST(SeriesScaling, KeepsTheSpacingOfTheStepsItWasFittedTo) {
  const Series days = timed("2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n");
  const auto scaling = SeriesScaling::fit(days, 3, Scaling::none);
  const auto kept = SeriesScaling::from_json(scaling.to_json(), "m");
  EXPECT_EQ(kept, scaling);
  const Series weeks = timed("2020-01-01,1\n2020-01-08,2\n2020-01-15,3\n");
  const std::string expected = "s.csv: from row to row its time grows by 7 days, but the model was trained on steps of 1 day";
  EXPECT_EQ(message_of([&] { last_window(weeks, kept, 2); }), expected);
  EXPECT_EQ(message_of([&] { series_windows(weeks, kept, {.length = 1}, {0, 3}, 1, "it"); }), expected);
  EXPECT_EQ(last_window(days, kept, 2).shape(), (Shape{1, 2, 1}));
  const auto silent = SeriesScaling::from_json(R"({"forecast_columns":1,"columns":[{"name":"y","shift":0,"spread":1}]})", "m");
  EXPECT_EQ(last_window(weeks, silent, 2).shape(), (Shape{1, 2, 1})) << "a model that does not say";
  EXPECT_THAT(message_of([] {
                SeriesScaling::from_json(
                    R"({"forecast_columns":1,"columns":[{"name":"y","shift":0,"spread":1}],"spacing":{"unit":"age","size":1}})",
                    "m");
              }),
              HasSubstr("damaged"));
}

TEST(SeriesScaling, KnowsTheTrainingStepsOnly) {
  const Series series = counted_series(8);
  const auto standard = SeriesScaling::fit(series, 3, Scaling::standardise);
  EXPECT_NEAR(standard.scaled(1, 0), 0, 1e-12);
  EXPECT_NEAR(standard.scaled(2, 0), 1 / 0.816496580927726, 1e-12);
  EXPECT_NEAR(standard.decode(standard.scaled(7.5, 0), 5), 7.5, 1e-12);
  EXPECT_NEAR(standard.unit(0), 0.816496580927726, 1e-12);
  const auto range = SeriesScaling::fit(series, 3, Scaling::min_max);
  EXPECT_EQ(range.scaled(4, 0), 2);
  EXPECT_EQ(range.scaled(99, 1), 0.5);
  EXPECT_EQ(SeriesScaling::from_json(standard.to_json(), "m"), standard);
  for (const char* bad : {"{", "{}", R"({"forecast_columns":2,"columns":[{"name":"a","shift":0,"spread":1}]})",
                          R"({"forecast_columns":1,"columns":[{"name":"a","shift":0,"spread":0}]})"}) {
    EXPECT_EQ(message_of([&] { SeriesScaling::from_json(bad, "m"); }), "m: its scaling of the series is damaged");
  }
  Series constant{.source = "s.csv", .columns = {"y"}, .values = {4, 4, 4}};
  EXPECT_EQ(SeriesScaling::fit(constant, 3, Scaling::standardise).scaled(4, 0), 0);
  constant.values[0] = 1e300;
  EXPECT_THAT(message_of([&] { SeriesScaling::fit(constant, 3, Scaling::none); }), HasSubstr("column y cannot be scaled"));
}

TEST(Baselines, RepeatTheLastValueOrTheLastSeason) {
  const Tensor windows = Tensor::of<float>({1, 4, 2}, {1, 50, 2, 60, 3, 70, 4, 80});
  const auto found = baselines(windows, {.length = 4, .horizon = 5, .season = 3}, 1);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "naive");
  EXPECT_THAT(found[0].predictions.values<float>(), ElementsAre(4, 4, 4, 4, 4));
  EXPECT_EQ(found[1].name, "seasonal_naive");
  EXPECT_THAT(found[1].predictions.values<float>(), ElementsAre(2, 3, 4, 2, 3));
  EXPECT_THAT(baselines(windows, {.length = 4, .horizon = 2}, 2)[0].predictions.values<float>(), ElementsAre(4, 80, 4, 80));
}

TEST(WalkForward, TrainsOnAllThatComesBefore) {
  const auto folds = walk_forward(11, 3);
  ASSERT_EQ(folds.size(), 3U);
  EXPECT_THAT(folds[0].train, ElementsAre(0, 1));
  EXPECT_THAT(folds[0].test, ElementsAre(2, 3));
  EXPECT_THAT(folds[1].train, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(folds[2].test, ElementsAre(6, 7, 8, 9, 10));
  EXPECT_THAT(message_of([] { walk_forward(3, 3); }), HasSubstr("walk-forward: 3 folds of 3 samples"));
}

}  // namespace
}  // namespace neurons
