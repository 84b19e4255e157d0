#include "neurons/data/readers/csv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <clocale>
#include <cmath>

#include "neurons/data/data_testing.hpp"

namespace neurons {
namespace {

using ::testing::AllOf;
using testing::bundled;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;
using testing::message_of;
using ::testing::SizeIs;
using testing::TemporaryFolder;

Table csv_table(std::string_view text, const CsvOptions& options = {}) { return parse_csv(text, "t.csv", options); }
std::string csv_message(std::string_view text, const CsvOptions& options = {}) {
  return message_of([&] { csv_table(text, options); });
}
std::vector<std::string> names(const Table& table) {
  std::vector<std::string> result;
  for (const Column& column : table.columns) result.push_back(column.name);
  return result;
}

TEST(Csv, ReadsNumbersAndTexts) {
  const Table table = csv_table("length,colour,width\n5.1,red,+1e2\n-4,blue,.5\n");
  EXPECT_EQ(table.source, "t.csv");
  EXPECT_THAT(names(table), ElementsAre("length", "colour", "width"));
  EXPECT_TRUE(table.columns[0].is_numeric);
  EXPECT_THAT(table.columns[0].numbers, ElementsAre(5.1, -4));
  EXPECT_FALSE(table.columns[1].is_numeric);
  EXPECT_THAT(table.columns[1].texts, ElementsAre("red", "blue"));
  EXPECT_TRUE(table.columns[1].numbers.empty());
  EXPECT_THAT(table.columns[2].numbers, ElementsAre(100, 0.5));
  EXPECT_THAT(table.lines, ElementsAre(2, 3));
}

TEST(Csv, ReadsQuotedCells) {
  const Table table = csv_table("a,\"b, \"\"c\"\"\"\n\"x\ny\r\nz\",\"1\"\n  \" spaced \"  ,2\n\"\",3\n\"\"\"\",4\nin \"side\",5\n");
  EXPECT_THAT(names(table), ElementsAre("a", "b, \"c\""));
  EXPECT_THAT(table.columns[0].texts, ElementsAre("x\ny\r\nz", " spaced ", "", "\"", "in \"side\""));
  EXPECT_THAT(table.columns[1].numbers, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(table.lines, ElementsAre(2, 5, 6, 7, 8)) << "lines inside quotes count";
}

TEST(Csv, ReadsAnyLineEndByteOrderMarkAndEmptyLines) {
  for (const std::string_view text : {"a,b\n1,2\n3,4\n", "a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4\r",
                                      "\xEF\xBB\xBF"
                                      "a,b\n1,2\n3,4",
                                      "\n\n \t\na,b\n\n1,2\n  \n3,4\n\n\n"}) {
    const Table table = csv_table(text);
    EXPECT_THAT(names(table), ElementsAre("a", "b")) << text;
    EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, 3)) << text;
    EXPECT_THAT(table.columns[1].numbers, ElementsAre(2, 4)) << text;
  }
  EXPECT_THAT(csv_table("\na\n\n1\n\n2\n").lines, ElementsAre(4, 6));
}

TEST(Csv, FindsTheDelimiter) {
  EXPECT_THAT(names(csv_table("a;b,c;d\n1;2;3\n")), ElementsAre("a", "b,c", "d"));
  EXPECT_THAT(names(csv_table("a\tb\n\t2\n")), ElementsAre("a", "b"));
  EXPECT_THAT(names(csv_table("\"a;b;c\",d\n1,2\n")), ElementsAre("a;b;c", "d"));
  EXPECT_THAT(names(csv_table("a;b,c\n1\n", {.delimiter = '|'})), ElementsAre("a;b,c"));
  EXPECT_THAT(csv_table("a|b\n1|2\n", {.delimiter = '|'}).columns[1].numbers, ElementsAre(2));
  EXPECT_THAT(csv_message("a\n1\n", {.delimiter = '"'}), HasSubstr("cannot be the delimiter"));
}

TEST(Csv, TakesDecimalCommas) {
  const CsvOptions comma{.decimal = ','};
  const Table table = csv_table("a;b\n1,235;-2,5e2\n7;\n,5;1e3\n", comma);
  EXPECT_THAT(table.columns[0].numbers, ElementsAre(1.235, 7, 0.5));
  EXPECT_THAT(table.columns[1].numbers, ElementsAre(-250, IsNan(), 1000));
  EXPECT_THAT(csv_table("a,b\n\"1,5\",x\n\"2,5\",y\n", comma).columns[0].numbers, ElementsAre(1.5, 2.5));
  for (const std::string_view delimiter : {";", "\t"}) {  // no header: the first line holds more commas than delimiters
    const Table bare = csv_table(fmt::format("1,5{}2,5\n3,5{}4\n", delimiter, delimiter), comma);
    EXPECT_THAT(bare.columns[0].numbers, ElementsAre(1.5, 3.5));
    EXPECT_THAT(bare.columns[1].numbers, ElementsAre(2.5, 4));
  }
  EXPECT_THAT(csv_table("1,5;red;2,5\n", comma).columns, SizeIs(3)) << "commas are in numbers where they are asked for";
  EXPECT_THAT(csv_table("width, cm;height, cm, or so\n1,5;2,5\n", comma).columns, SizeIs(2));
  EXPECT_THAT(csv_table("1,5;;2,5;3,5\n", comma).columns, SizeIs(4));
  EXPECT_THAT(csv_message("1,5;;2,5;3,5\n"), HasSubstr("column column0 holds \"1,5\""));
  EXPECT_THAT(csv_table("1,2\n3,4\n").columns, SizeIs(2));
  EXPECT_EQ(csv_message("a\n1\n", {.decimal = '\''}), "t.csv: decimal is \"'\", expected \".\" or \",\"");
}

TEST(Csv, RefusesNumbersThatAreWrittenOtherwise) {
  EXPECT_EQ(
      csv_message("a;b\n1;x\n1,235;y\n2,5;x\n"),
      "t.csv:3: column a holds \"1,235\", expected numbers such as 1234.5: say decimal = \",\" in [data] (or --decimal ,) if that "
      "stands before the fraction, leave out marks between thousands, or name the column as categorical");
  EXPECT_THAT(csv_message("1,5;2,5\n3,5;4,5\n"), HasSubstr("t.csv:1: column column0 holds \"1,5\""));
  for (const std::string_view cell : {"1,5", "1.234,5", "1,234.5", "-12,345,678", "1.234.567"}) {
    EXPECT_THAT(csv_message(fmt::format("a;b\n{};x\nNA;x\n", cell)),
                HasSubstr(fmt::format("t.csv:2: column a holds \"{}\"", cell)));
    EXPECT_FALSE(csv_table(fmt::format("a;b\n{};x\n", cell), {.categorical = {"a"}}).columns[0].is_numeric);
  }
  EXPECT_THAT(csv_message("a;b\n1.5;x\n2,5;x\n3.5;x\n", {.decimal = ','}),
              HasSubstr("t.csv:2: column a holds \"1.5\", expected numbers such as 1234,5: say decimal = \".\""));
  for (const std::string_view text : {"12.05.2024", "1,2,3", "1,23,456", "1234,567.5", "12,34x", "192.168.1.10", "1,234,"}) {
    EXPECT_FALSE(csv_table(fmt::format("a;b\n{};x\n", text)).columns[0].is_numeric) << text;
  }
  EXPECT_FALSE(csv_table("a;b\n1,5;x\nred;x\ngreen;x\n").columns[0].is_numeric) << "mostly words";
}

TEST(Csv, TellsAHeaderFromData) {
  EXPECT_THAT(names(csv_table("1,x\n2,y\n")), ElementsAre("column0", "column1"));
  EXPECT_EQ(csv_table("1,x\n2,y\n").rows(), 2);
  EXPECT_THAT(names(csv_table("1999,2000\n1,2\n", {.header = CsvOptions::Header::present})), ElementsAre("1999", "2000"));
  EXPECT_EQ(csv_table("a,b\nc,d\n", {.header = CsvOptions::Header::absent}).rows(), 2);
  EXPECT_THAT(names(csv_table(",b\n1,2\n")), ElementsAre("column0", "b")) << "a row number without a name, as data frames write it";
}

TEST(Csv, KeepsMissingCells) {
  const Table table = csv_table("a,b\n1,x\n,\nNA,?\n4,y\n");
  EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, IsNan(), IsNan(), 4));
  EXPECT_THAT(table.columns[1].texts, ElementsAre("x", "", "", "y"));
  EXPECT_TRUE(csv_table("a,b\n1,\n2,NA\n").columns[1].is_numeric) << "nothing but missing cells";
}

TEST(Csv, KeepsCategoricalColumnsAsTexts) {
  const Table table = csv_table("zip,n\n01234,1\n 99999 ,2\nNA,3\n", {.categorical = {"zip"}});
  EXPECT_THAT(table.columns[0].texts, ElementsAre("01234", "99999", ""));
  EXPECT_TRUE(table.columns[1].is_numeric);
  EXPECT_FALSE(csv_table("zip,n\n01234,1\n", {.categorical_if_there = {"zip", "zap"}}).columns[0].is_numeric);
  EXPECT_EQ(csv_message("colour,n\nred,1\n", {.categorical = {"color"}}),
            "t.csv: there is no column \"color\" to take as categorical; did you mean \"colour\"?");
}

TEST(Csv, NamesTheCellWithTextWhereNumbersAreNeeded) {
  EXPECT_EQ(csv_message("a,b\n1,2\n3,4\n5,six\n"),
            "t.csv:4: column b holds \"six\", but 2 of its 3 values are numbers; mend the cell, or name the column as categorical");
  EXPECT_EQ(csv_message("a,b\n1,2\n3,-Inf\n5,6\n"),
            "t.csv:3: column b holds \"-Inf\", which is no finite number; mend the cell, or leave the row out");
  EXPECT_FALSE(csv_table("a\n1\ntwo\n").columns[0].is_numeric) << "at most half are numbers";
  EXPECT_THAT(csv_message("a\n1\n2\n" + std::string(50, 'x') + "\n"), HasSubstr("\"" + std::string(40, 'x') + "…\""));
}

TEST(Csv, RefusesRaggedRows) {
  EXPECT_EQ(csv_message("a,b\n1,2\n3\n"), "t.csv:3: 1 cells, expected 2 as in line 1");
  EXPECT_EQ(csv_message("\na,b\n1,2,\n"), "t.csv:3: 3 cells, expected 2 as in line 2");
}

TEST(Csv, RefusesQuotesThatDoNotClose) {
  EXPECT_EQ(csv_message("a,b\n1,\"x\n2,y\n"), "t.csv:2: a quote \" opens here and never closes");
  EXPECT_THAT(csv_message("a,b\n1,\"x\"y\n"), HasSubstr("t.csv:2: text follows a closing quote"));
}

TEST(Csv, RefusesFilesWithoutRows) {
  EXPECT_EQ(csv_message(""), "t.csv: is empty, expected rows of comma-separated values");
  EXPECT_EQ(csv_message(" \n\r\n"), "t.csv: is empty, expected rows of comma-separated values");
  EXPECT_EQ(csv_message("a,b\n"), "t.csv: holds a header and no row");
  EXPECT_THAT(csv_message("1,2\n", {.header = CsvOptions::Header::present}), HasSubstr("no row"));
}

TEST(Csv, RefusesTwoColumnsOfOneName) {
  EXPECT_EQ(csv_message("a,b,a\n1,2,3\n"), "t.csv: columns 0 and 2 (from 0) are both named \"a\"");
  EXPECT_THAT(csv_message("column1,\nx,y\n"), HasSubstr("both named \"column1\""));
}

TEST(Csv, RefusesWhatIsNoUtf8Text) {
  EXPECT_EQ(csv_message(std::string_view("a\n1\n\0\n", 6)),
            "t.csv:3: holds a NUL byte, so it is no text in UTF-8; save the file in UTF-8");
  EXPECT_EQ(csv_message("name\ncaf\xE9\n"), "t.csv:2: byte 0xe9 is not UTF-8; save the file in UTF-8");
  for (const std::string_view bad : {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                                     "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xE2\x82"}) {
    EXPECT_THAT(csv_message(bad), HasSubstr("is not UTF-8"));
  }
  EXPECT_THAT(csv_table("a\ncafé\n€\n😀\n").columns[0].texts, ElementsAre("café", "€", "😀"));
}

TEST(Csv, RefusesAMillionColumns) {
  EXPECT_EQ(csv_message(std::string(1'000'000, ',') + "\n"),
            "t.csv:1: more than 100000 cells in a line; is the delimiter , right, and are there line ends?");
  EXPECT_EQ(csv_table("1" + std::string(99'999, ',') + "\n").column_count(), 100'000);
}

TEST(Csv, IgnoresTheLocale) {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* locale : {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "C.UTF-8"}) {
    std::setlocale(LC_ALL, locale);  // a comma is the decimal point in the first three, where they are installed
    EXPECT_THAT(csv_table("a;b\n1.5;x\n").columns[0].numbers, ElementsAre(1.5));
    EXPECT_THAT(csv_table("a;b\n1;1,5\n", {.decimal = ','}).columns[1].numbers, ElementsAre(1.5));
    EXPECT_THAT(csv_message("a;b\n1.5;1,5\n"), HasSubstr("column b holds \"1,5\""));
  }
  std::setlocale(LC_ALL, before.c_str());
}

TEST(Csv, ReadsBackWhatAWriterQuotes) {
  EXPECT_TRUE(rc::check([] {
    const auto columns = *rc::gen::inRange<std::size_t>(1, 5);
    const auto cell = rc::gen::container<std::string>(rc::gen::elementOf(std::string("a b\",;\n\rxyz\t")));
    const auto rows = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::vector<std::string>>>(rc::gen::container<std::vector<std::string>>(columns, cell)));
    std::string text;
    for (const auto& row : rows) {
      for (std::size_t column = 0; column < columns; ++column) {
        std::string escaped;
        for (const char c : row[column]) escaped += c == '"' ? "\"\"" : std::string(1, c);
        text += (column > 0 ? "," : "") + ("\"" + escaped + "\"");
      }
      text += "\n";
    }
    const Table table = csv_table(text, {.header = CsvOptions::Header::absent, .delimiter = ','});
    RC_ASSERT(table.rows() == static_cast<std::int64_t>(rows.size()));
    for (std::size_t column = 0; column < columns; ++column) {
      for (std::size_t row = 0; row < rows.size(); ++row) {
        if (is_missing(rows[row][column])) continue;
        RC_ASSERT(table.columns[column].texts[row] == rows[row][column]);
      }
    }
  }));
}

TEST(Csv, ReadsTheBundledTables) {
  struct Expected {
    std::string_view name;
    std::int64_t rows, columns;
    std::string_view last;
    bool numeric;
  };
  for (const auto& [name, rows, columns, last, numeric] : {Expected{"iris", 150, 5, "species", false},
                                                           {"wine", 178, 14, "cultivar", false},
                                                           {"breast_cancer", 569, 31, "diagnosis", false},
                                                           {"digits", 1797, 65, "digit", true},
                                                           {"diabetes", 442, 11, "progression", true}}) {
    const Table table = read_csv(bundled() / name / fmt::format("{}.csv", name));
    EXPECT_EQ(table.rows(), rows);
    EXPECT_EQ(table.column_count(), columns);
    EXPECT_EQ(table.columns.back().name, last);
    EXPECT_EQ(table.columns.back().is_numeric, numeric);
    for (const Column& column : table.columns) {
      EXPECT_TRUE(&column == &table.columns.back() || column.is_numeric);
      for (const double number : column.numbers) EXPECT_TRUE(std::isfinite(number));
    }
  }
}

TEST(Csv, NamesAFileThatIsNotThere) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of([&] { read_csv(folder.path() / "no.csv"); }), HasSubstr("no.csv: cannot be opened: No such file"));
  EXPECT_THAT(message_of([&] { read_csv(folder.path()); }), HasSubstr("is a folder"));
  const auto path = folder.write("t.csv", "a,b\n1\n");
  EXPECT_THAT(message_of([&] { read_csv(path); }), AllOf(HasSubstr(path.string()), HasSubstr(":2: 1 cells")));
}

}  // namespace
}  // namespace neurons
