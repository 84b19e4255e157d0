#include "neurons/data/readers/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace neurons {
namespace {

using ::testing::Optional;

TEST(ParseNumber, TakesDecimalAndScientificNotation) {
  EXPECT_THAT(parse_number("5.1"), Optional(5.1));
  EXPECT_THAT(parse_number("-0.25"), Optional(-0.25));
  EXPECT_THAT(parse_number("+3"), Optional(3.0));
  EXPECT_THAT(parse_number(".5"), Optional(0.5));
  EXPECT_THAT(parse_number("-.5"), Optional(-0.5));
  EXPECT_THAT(parse_number("7."), Optional(7.0));
  EXPECT_THAT(parse_number("1e3"), Optional(1000.0));
  EXPECT_THAT(parse_number("1.5E-2"), Optional(0.015));
  EXPECT_THAT(parse_number(" \t42\r"), Optional(42.0));
  EXPECT_THAT(parse_number("0.1"), Optional(0.1));
  EXPECT_THAT(parse_number("1.7976931348623157e308"), Optional(std::numeric_limits<double>::max()));
  EXPECT_THAT(parse_number("4.9406564584124654e-324"), Optional(std::numeric_limits<double>::denorm_min()));
  EXPECT_TRUE(std::signbit(parse_number("-0").value()));
}

TEST(ParseNumber, TakesWhatIsTooSmallAsZeroAndRefusesWhatIsTooLarge) {
  EXPECT_THAT(parse_number("1e-400"), Optional(0.0));
  EXPECT_THAT(parse_number("-1e-400"), Optional(0.0));
  EXPECT_EQ(parse_number("1e400"), std::nullopt);
  EXPECT_EQ(parse_number("-1e400"), std::nullopt);
  EXPECT_EQ(parse_number("1e99999"), std::nullopt);
}

TEST(ParseNumber, RefusesEverythingElse) {
  for (const std::string_view text :
       {"",      " ",  "+",   "-",   ".",    "-.",  "+-3",  "--3",      "++3", "- 3", "1 2", "1,5",   "1_000", "0x10",
        "5.1cm", "$5", "nan", "NaN", "-nan", "inf", "-inf", "infinity", "e5",  "1e",  "1e+", "1.2.3", "٣"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(IsMissing, KnowsTheUsualWords) {
  for (const std::string_view text :
       {"", " ", "NA", "na", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?", " ? ", "\tNA\r"}) {
    EXPECT_TRUE(is_missing(text)) << text;
  }
  for (const std::string_view text : {"0", "-", "??", "nano", "n a", "nil", "nothing"}) EXPECT_FALSE(is_missing(text)) << text;
}

TEST(Table, FindsColumnsAndNamesPlaces) {
  Table table{.source = "t.csv",
              .columns = {{.name = "a", .is_numeric = false, .texts = {"x", "y"}}, {.name = "b", .numbers = {1, 2}}},
              .lines = {2, 5}};
  EXPECT_EQ(table.rows(), 2);
  EXPECT_EQ(table.column_count(), 2);
  EXPECT_THAT(table.find("b"), Optional(1));
  EXPECT_EQ(table.find("c"), std::nullopt);
  EXPECT_EQ(table.place(1), "t.csv:5");
  table.lines = {};
  EXPECT_EQ(table.place(1), "t.csv, row 2");
  EXPECT_EQ(Table{}.rows(), 0);
}

}  // namespace
}  // namespace neurons
