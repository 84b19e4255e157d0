#include "neurons/data/readers/table_encoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "neurons/data/data_testing.hpp"
#include "neurons/data/readers/csv.hpp"

namespace neurons {
namespace {

using testing::bundled;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using testing::message_of;
using ::testing::Pointwise;

Table table_of(const std::string& text, const CsvOptions& options = {}) { return parse_csv(text, "t.csv", options); }

const std::string kCars =
    "power,colour,wheels,price,kind\n"
    "100,red,4,10,small\n"
    "200,blue,4,30,large\n"
    "300,red,4,20,large\n"
    ",,4,40,small\n";

TEST(TableEncoder, EncodesNumbersAndTexts) {
  const auto encoder = TableEncoder::fit(table_of(kCars), {}, {.ignore = {"price"}});
  EXPECT_THAT(encoder.column_names(), ElementsAre("power", "colour", "wheels"));
  EXPECT_THAT(encoder.feature_names(), ElementsAre("power", "colour=blue", "colour=red", "wheels"));
  EXPECT_EQ(encoder.features(), 4);
  EXPECT_TRUE(encoder.is_classification());
  EXPECT_EQ(encoder.target_name(), "kind");
  EXPECT_THAT(encoder.class_names(), ElementsAre("large", "small"));

  const Dataset data = encoder.encode(table_of(kCars));
  data.validate();
  const float one = 1.22474487F;                                       // 100 / √(20000 / 3), the deviation of 100, 200, 300
  EXPECT_THAT(data.inputs.values<float>(), ElementsAre(-one, 0, 1, 0,  //
                                                       0, 1, 0, 0,     //
                                                       one, 0, 1, 0,   //
                                                       0, 0, 1, 0));   // missing: the mean, and red, the most frequent
  EXPECT_THAT(data.targets.values<std::int64_t>(), ElementsAre(1, 0, 0, 1));
  EXPECT_EQ(data.feature_names, encoder.feature_names());
  EXPECT_EQ(data.class_names, encoder.class_names());
  EXPECT_EQ(data.source, "t.csv");
}

TEST(TableEncoder, ScalesToARangeOrNotAtAll) {
  const EncoderOptions options{.target = "kind", .ignore = {"colour"}, .scaling = Scaling::min_max};
  EXPECT_THAT(TableEncoder::fit(table_of(kCars), {}, options).encode_inputs(table_of(kCars)).values<float>(),
              ElementsAre(0, 0, 0, 0.5F, 0, 2.0F / 3, 1, 0, 1.0F / 3, 0.5F, 0, 1));
  const EncoderOptions raw{.target = "kind", .ignore = {"colour"}, .scaling = Scaling::none};
  EXPECT_THAT(TableEncoder::fit(table_of(kCars), {}, raw).encode_inputs(table_of(kCars)).values<float>(),
              ElementsAre(100, 4, 10, 200, 4, 30, 300, 4, 20, 200, 4, 40));
}

TEST(TableEncoder, LearnsFromTheTrainingRowsOnly) {
  const Table table = table_of("x,y\n1,0.5\n3,1.5\n1000,2.5\n");
  const std::vector<std::int64_t> training = {0, 1};
  const auto encoder = TableEncoder::fit(table, training, {.standardise_target = true});
  EXPECT_THAT(encoder.encode(table).inputs.values<float>(), ElementsAre(-1, 1, 998));
  EXPECT_THAT(encoder.encode(table).targets.values<float>(), ElementsAre(-1, 1, 3));

  const Table texts = table_of("x,y\na,p\nb,q\nc,q\n");
  const auto of_texts = TableEncoder::fit(texts, training);
  EXPECT_THAT(of_texts.feature_names(), ElementsAre("x=a", "x=b"));
  EXPECT_EQ(message_of([&] { of_texts.encode(texts); }),
            "t.csv:4: column x holds \"c\", which no training row does; leave the cell empty, or train with such rows or without "
            "that column");
}

TEST(TableEncoder, TellsClassificationFromRegression) {
  const auto is_classification = [](const std::string& text) { return TableEncoder::fit(table_of(text), {}).is_classification(); };
  EXPECT_TRUE(is_classification("x,y\n1,a\n2,b\n"));
  EXPECT_TRUE(is_classification("x,y\n1,0\n2,1\n"));
  EXPECT_FALSE(is_classification("x,y\n1,0.5\n2,1\n"));
  std::string twenty = "x,y\n", more = "x,y\n";
  for (int i = 0; i < 42; ++i) {
    twenty += fmt::format("1,{}\n", i % 20);
    more += fmt::format("1,{}\n", i % 21);
  }
  EXPECT_TRUE(is_classification(twenty));
  EXPECT_FALSE(is_classification(more));
  EXPECT_TRUE(TableEncoder::fit(table_of(more), {}, {.task = Task::classification}).is_classification());
  EXPECT_FALSE(TableEncoder::fit(table_of(twenty), {}, {.task = Task::regression}).is_classification());
}

TEST(TableEncoder, OrdersNumericClassesAsNumbers) {
  const auto encoder = TableEncoder::fit(table_of("x,y\n1,10\n2,9\n3,-0\n4,0\n"), {});
  EXPECT_THAT(encoder.class_names(), ElementsAre("0", "9", "10"));
  EXPECT_THAT(encoder.encode(table_of("x,y\n1,10\n2,9\n3,-0\n4,0\n")).targets.values<std::int64_t>(), ElementsAre(2, 1, 0, 0));
  EXPECT_THAT(encoder.encode(table_of("x,y\n1,10\n", {.categorical = {"y"}})).targets.values<std::int64_t>(), ElementsAre(2));
}

TEST(TableEncoder, FindsTheTargetByNameOrIndex) {
  const Table table = table_of("a,b,c\n1,2,3.5\n4,5,6.5\n");
  const auto target = [&](const std::string& name) { return TableEncoder::fit(table, {}, {.target = name}).target_name(); };
  EXPECT_EQ(target(""), "c");
  EXPECT_EQ(target("b"), "b");
  EXPECT_EQ(target("0"), "a");
  EXPECT_EQ(target("-1"), "c");
  EXPECT_EQ(target("-3"), "a");
  EXPECT_EQ(
      TableEncoder::fit(table_of("1,a,0\n2,3,4\n", {.header = CsvOptions::Header::present}), {}, {.target = "0"}).target_name(),
      "0");
  for (const std::string name : {"3", "-4", "1.5", "1e30"}) {
    EXPECT_EQ(message_of([&] { target(name); }), "t.csv: there is no target column \"" + name + "\" among its 3 columns");
  }
  EXPECT_THAT(message_of([&] { TableEncoder::fit(table_of(kCars), {}, {.target = "knid"}); }), HasSubstr("did you mean \"kind\"?"));
}

TEST(TableEncoder, TakesSampleWeightsFromAColumn) {
  const Table table = table_of("x,weight,y\n1,2,p\n3,0.5,q\n5,0,q\n");
  const auto encoder = TableEncoder::fit(table, {}, {.weights = "weight"});
  EXPECT_THAT(encoder.feature_names(), ElementsAre("x"));
  EXPECT_THAT(encoder.encode(table).sample_weights, ElementsAre(2, 0.5F, 0));
  EXPECT_THAT(encoder.encode(table_of("x,y\n1,p\n")).sample_weights, ElementsAre()) << "a table to be judged may lack them";
  EXPECT_EQ(TableEncoder::from_json(encoder.to_json(), "test"), encoder);

  const auto refusal = [&](const std::string& text) { return message_of([&] { encoder.encode(table_of(text)); }); };
  EXPECT_EQ(refusal("x,weight,y\n1,2,p\n3,-1,q\n"), "t.csv:3: column weight: the sample's weight -1 is below 0");
  EXPECT_EQ(refusal("x,weight,y\n1,2,p\n3,,q\n"),
            "t.csv:3: column weight: the sample's weight is missing; fill it in or leave out the row");
  EXPECT_EQ(refusal("x,weight,y\n1,much,p\n"), "t.csv:2: column weight holds \"much\", expected a number");
  EXPECT_EQ(
      refusal("x,weight,y\n1,1e39,p\n"),
      "t.csv:2: column weight: the sample's weight 1e+39 is too large for float32; weights count by their ratios: divide all by "
      "one number");
  EXPECT_THAT(
      refusal("x,weight,y\n1,1,p\n2,1e-39,q\n"),
      HasSubstr(
          "t.csv:3: column weight: the sample's weight 1e-39 is too small for float32; weights count by their ratios: multiply"));
  const auto fit = [&](const EncoderOptions& options) { return message_of([&] { TableEncoder::fit(table, {}, options); }); };
  EXPECT_EQ(fit({.weights = "wieght"}), "t.csv: there is no column \"wieght\" of sample weights; did you mean \"weight\"?");
  EXPECT_EQ(TableEncoder::fit(table, {}, {.weights = "-2"}), encoder) << "by number";
  EXPECT_EQ(fit({.weights = "y"}), "t.csv: column \"y\" cannot hold the sample weights: it is the target");
  EXPECT_EQ(fit({.ignore = {"weight"}, .weights = "weight"}),
            "t.csv: column \"weight\" cannot hold the sample weights: it is ignored");
}

TEST(TableEncoder, FindsColumnsByName) {
  const auto encoder = TableEncoder::fit(table_of("a,b,y\n1,10,u\n3,30,v\n"), {}, {.scaling = Scaling::none});
  EXPECT_THAT(encoder.encode(table_of("extra,y,b,a\n7,v,5,6\n")).inputs.values<float>(), ElementsAre(6, 5));
  EXPECT_THAT(encoder.encode_inputs(table_of("b,a\n5,6\n")).values<float>(), ElementsAre(6, 5));
  EXPECT_EQ(message_of([&] { encoder.encode_inputs(table_of("bb,a\n5,6\n")); }),
            "t.csv: there is no column \"b\", which the network needs; did you mean \"bb\"?");
  EXPECT_EQ(message_of([&] { encoder.encode(table_of("b,a\n5,6\n")); }), "t.csv: there is no target column \"y\"");
}

TEST(TableEncoder, NamesTheCellThatDoesNotFit) {
  const auto encoder = TableEncoder::fit(table_of("a,b,y\n1,p,u\n3,qq,v\n"), {});
  EXPECT_EQ(message_of([&] { encoder.encode(table_of("a,b,y\n1,p,u\nx,p,u\nz,p,u\n")); }),
            "t.csv:3: column a holds \"x\", expected a number");
  EXPECT_EQ(message_of([&] { encoder.encode(table_of("a,b,y\n1,p,u\n1,qqq,u\n")); }),
            "t.csv:3: column b holds \"qqq\", which no training row does; did you mean \"qq\"?");
  EXPECT_EQ(message_of([&] { encoder.encode(table_of("a,b,y\n1,p,w\n")); }),
            "t.csv:2: column y holds the class \"w\", which is none of the 2 classes of the training rows; leave the row out, or "
            "train with such rows");
  EXPECT_EQ(message_of([&] { encoder.encode(table_of("a,b,y\n1,p,u\n1,p,NA\n")); }),
            "t.csv:3: column y: the target is missing; fill it in or leave out the row");
  EXPECT_THAT(message_of([&] { TableEncoder::fit(table_of("a,y\n1,u\n2,\n"), {}); }),
              HasSubstr("t.csv:3: column y: the target is missing"));
  EXPECT_THAT(message_of([&] { TableEncoder::fit(table_of("a,y\n1,0.5\n2,\n"), {}); }),
              HasSubstr("t.csv:3: column y: the target is missing"));
  EXPECT_EQ(message_of([&] { TableEncoder::fit(table_of("a,y\n1,u\n2,v\n"), {}, {.task = Task::regression}); }),
            "t.csv:2: column y holds \"u\", expected a number");
}

TEST(TableEncoder, RefusesMissingValuesIfTold) {
  const EncoderOptions strict{.missing = MissingValues::error};
  EXPECT_EQ(message_of([&] { TableEncoder::fit(table_of("a,y\n1,u\n,v\n"), {}, strict); }),
            "t.csv:3: column a: a value is missing; fill it in or leave out the row");
  EXPECT_THAT(message_of([&] { TableEncoder::fit(table_of("a,y\np,u\n,v\n"), {}, strict); }),
              HasSubstr("t.csv:3: column a: a value"));
  const auto encoder = TableEncoder::fit(table_of("a,b,y\np,1,u\nq,2,v\n"), {}, strict);
  EXPECT_THAT(message_of([&] { encoder.encode(table_of("a,b,y\n,1,u\n")); }), HasSubstr("t.csv:2: column a: a value is missing"));
  EXPECT_THAT(message_of([&] { encoder.encode(table_of("a,b,y\np,,u\n")); }), HasSubstr("t.csv:2: column b: a value is missing"));
  EXPECT_THAT(message_of([&] { encoder.encode_row({{"a", "p"}}); }), HasSubstr("input, row 1: column b: a value is missing"));
}

TEST(TableEncoder, RefusesTablesThatTeachNothing) {
  EXPECT_EQ(message_of([] { TableEncoder::fit(table_of("y\na\nb\n"), {}); }),
            "t.csv: no column is left as an input beside the target y");
  EXPECT_THAT(message_of([] { TableEncoder::fit(Table{.source = "t.csv"}, {}); }), HasSubstr("holds no columns"));
  EXPECT_THAT(message_of([] {
                TableEncoder::fit(Table{.source = "t.csv", .columns = {{.name = "a"}, {.name = "b"}}}, {});
              }),
              HasSubstr("holds no rows"));
  EXPECT_EQ(message_of([] {
              TableEncoder::fit(table_of("a,y\n1,u\n,v\n,v\n"), std::vector<std::int64_t>{1, 2});
            }),
            "t.csv: column a has no value in the training rows; name it under ignore");
  EXPECT_THAT(message_of([] {
                TableEncoder::fit(table_of("a,y\np,u\n,v\n,v\n"), std::vector<std::int64_t>{1, 2});
              }),
              HasSubstr("column a has no value"));
  EXPECT_EQ(message_of([] { TableEncoder::fit(table_of("a,y\n1,u\n2,v\n"), std::vector<std::int64_t>{2}); }),
            "t.csv: training row 2 is out of range; there are 2 rows, counted from 0");
  EXPECT_THAT(message_of([] { TableEncoder::fit(table_of(kCars), {}, {.ignore = {"color"}}); }),
              HasSubstr("there is no column \"color\" to ignore; did you mean \"colour\"?"));
  EXPECT_THAT(message_of([] { TableEncoder::fit(table_of(kCars), {}, {.ignore = {"kind"}}); }),
              HasSubstr("is the target and cannot be"));
  std::string names = "name,y\n";
  for (int i = 0; i < 1001; ++i) names += fmt::format("n{},{}\n", i, i % 2);
  EXPECT_EQ(message_of([&] { TableEncoder::fit(table_of(names), {}); }),
            "t.csv: column name holds more than 1000 different texts; if it is an identifier, name it under ignore");
}

TEST(TableEncoder, RefusesNumbersBeyondItsPrecision) {
  EXPECT_THAT(message_of([] { TableEncoder::fit(table_of("a,y\n1e308,u\n-1e308,v\n"), {}); }),
              HasSubstr("column a cannot be scaled"));
  EXPECT_THAT(message_of([] { TableEncoder::fit(table_of("a,y\n1e308,u\n1.5e308,v\n"), {}, {.scaling = Scaling::none}); }),
              HasSubstr("column a cannot be scaled"));
  EXPECT_THAT(message_of([] { TableEncoder::fit(table_of("a,y\n0,u\n4e-320,v\n"), {}); }), HasSubstr("column a cannot be scaled"));
  const auto encoder = TableEncoder::fit(table_of("a,y\n1,u\n2,v\n"), {}, {.scaling = Scaling::none});
  EXPECT_EQ(message_of([&] { encoder.encode(table_of("a,y\n1,u\n1e39,v\n")); }),
            "t.csv:3: column a: 1e+39 is too large for single precision once scaled");
}

TEST(TableEncoder, EncodesWhatAPersonTypes) {
  const auto encoder = TableEncoder::fit(table_of(kCars), {}, {.ignore = {"price"}, .scaling = Scaling::none});
  EXPECT_THAT(encoder.encode_row({{"power", " 150 "}, {"colour", "blue"}, {"wheels", "3"}}).values<float>(),
              ElementsAre(150, 1, 0, 3));
  EXPECT_EQ(encoder.encode_row({}).shape(), Shape({1, 4}));
  EXPECT_THAT(encoder.encode_row({{"colour", "NA"}}).values<float>(), ElementsAre(200, 0, 1, 4)) << "unnamed columns are missing";
  EXPECT_EQ(message_of([&] {
              encoder.encode_row({{"powr", "1"}});
            }),
            "\"powr\" is no input column of this network; did you mean \"power\"?");
  EXPECT_THAT(message_of([&] { encoder.encode_row({{"kind", "small"}}); }), HasSubstr("but what it predicts"));
  EXPECT_EQ(message_of([&] {
              encoder.encode_row({{"power", "strong"}});
            }),
            "input, row 1: column power holds \"strong\", expected a number");
}

TEST(TableEncoder, DecodesTargets) {
  const Table table = table_of("x,y\n1,100.5\n2,200.5\n3,600.5\n");
  const auto encoder = TableEncoder::fit(table, {}, {.standardise_target = true});
  const Dataset data = encoder.encode(table);
  EXPECT_THAT(encoder.decode_target(static_cast<double>(data.targets.values<float>()[2])), ::testing::DoubleNear(600.5, 1e-4));
  EXPECT_EQ(TableEncoder::fit(table, {}).decode_target(7.5), 7.5);
  const auto constant = TableEncoder::fit(table_of("x,y\n1,2.5\n2,2.5\n"), {}, {.standardise_target = true});
  EXPECT_EQ(constant.decode_target(0), 2.5);
}

TEST(TableEncoder, SurvivesJson) {
  for (const EncoderOptions& options : {EncoderOptions{.ignore = {"price"}}, EncoderOptions{.target = "price",
                                                                             .task = Task::regression,
                                                                             .scaling = Scaling::min_max,
                                                                             .missing = MissingValues::mean,
                                                                             .standardise_target = true}}) {
    const auto encoder = TableEncoder::fit(table_of(kCars), {}, options);
    EXPECT_EQ(TableEncoder::from_json(encoder.to_json(), "encoder.json"), encoder);
  }
  const auto strict = TableEncoder::fit(table_of("ä \"x\"\\n,y\n0.1,u\n0.7,v\n"), {}, {.missing = MissingValues::error});
  EXPECT_EQ(TableEncoder::from_json(strict.to_json(), "encoder.json"), strict);
}

TEST(TableEncoder, RefusesOtherJson) {
  const std::string good = TableEncoder::fit(table_of(kCars), {}).to_json();
  const auto message = [](const std::string& text) { return message_of([&] { TableEncoder::from_json(text, "encoder.json"); }); };
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    EXPECT_NE(text.find(from), std::string::npos) << from;
    return message(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_THAT(message(""), HasSubstr("encoder.json: is no table encoder: parse error"));
  EXPECT_THAT(message("{}"), HasSubstr("encoder.json: is no table encoder: key 'target' not found"));
  EXPECT_THAT(message("[1]"), HasSubstr("is no table encoder"));
  EXPECT_THAT(replaced("\"classification\"", "\"clustering\""), HasSubstr("\"task\" is \"clustering\", expected"));
  EXPECT_THAT(replaced("\"classes\":[\"large\",\"small\"]", "\"classes\":[]"), HasSubstr("the number of classes"));
  EXPECT_THAT(replaced("\"usual_level\":1", "\"usual_level\":2"), HasSubstr("usual_level 2 is none of its 2 levels"));
  EXPECT_THAT(replaced("\"shift\":", "\"shift\":1e999,\"x\":"), HasSubstr("is no table encoder"));
  EXPECT_THAT(replaced("\"name\":\"wheels\"", "\"name\":\"power\""), HasSubstr("\"power\" stands there twice"));
  EXPECT_THAT(message(good.substr(0, good.find("\"columns\"")) + "\"columns\":[]}"), HasSubstr("there are no columns"));
  for (std::size_t length = 0; length < good.size(); ++length) message(good.substr(0, length));
}

TEST(TableEncoder, EncodesTheBundledTables) {
  const Table iris = read_csv(bundled() / "iris/iris.csv");
  const Dataset flowers = TableEncoder::fit(iris, {}, {.target = "species"}).encode(iris);
  flowers.validate();
  EXPECT_EQ(flowers.inputs.shape(), Shape({150, 4}));
  EXPECT_THAT(flowers.class_names, ElementsAre("setosa", "versicolor", "virginica"));
  // scikit-learn's StandardScaler gives these for the first flower.
  EXPECT_THAT(flowers.inputs.values<float>().first(4),
              Pointwise(FloatNear(1e-6F), {-0.90068117F, 1.01900435F, -1.34022653F, -1.3154443F}));

  const Table digits = read_csv(bundled() / "digits/digits.csv");
  const Dataset pictures = TableEncoder::fit(digits, {}, {.scaling = Scaling::min_max}).encode(digits);
  pictures.validate();
  EXPECT_EQ(pictures.inputs.shape(), Shape({1797, 64}));
  EXPECT_EQ(pictures.classes(), 10);

  const Table diabetes = read_csv(bundled() / "diabetes/diabetes.csv");
  const Dataset patients = TableEncoder::fit(diabetes, {}).encode(diabetes);
  patients.validate();
  EXPECT_FALSE(patients.is_classification());
  EXPECT_EQ(patients.targets.shape(), Shape({442, 1}));
  EXPECT_THAT(patients.targets.values<float>().first(2), ElementsAre(151, 75));
}

}  // namespace
}  // namespace neurons
