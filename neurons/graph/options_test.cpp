#include "neurons/graph/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "neurons/base/testing.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::message_of;

/// One field of every kind.
struct Everything {
  bool flag = true;
  std::int64_t count = -3;
  std::int32_t small = 7;
  std::uint64_t seed = 9;
  float rate = 0.01F;
  double exact = 0.1;
  std::string mode = "fast";
  DType dtype = DType::i32;
  std::vector<std::int64_t> axes = {0, -1};
  std::vector<float> weights = {0.5F, 2};
  std::vector<std::string> names = {"a", "b, c"};
  Tensor table = Tensor::of<float>({2}, std::vector<float>{1, 2.5F});

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("flag", self.flag);
    visit("count", self.count);
    visit("small", self.small);
    visit("seed", self.seed);
    visit("rate", self.rate);
    visit("exact", self.exact);
    visit("mode", self.mode);
    visit("dtype", self.dtype);
    visit("axes", self.axes);
    visit("weights", self.weights);
    visit("names", self.names);
    visit("table", self.table);
  }
};

/// The same fields as NoOptions: none.
struct Nothing {
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
};

std::string refusal(const std::string& name, const AttributeValue& value) {
  return message_of([&] { (void)options_from(Everything{}, {{name, value}}); });
}

TEST(Options, PrintEveryKindOfField) {
  EXPECT_EQ(Options(Everything{}).to_string(),
            "flag=true, count=-3, small=7, seed=9, rate=0.01, exact=0.1, mode=\"fast\", dtype=\"i32\", axes=[0, -1], "
            "weights=[0.5, 2], names=[\"a\", \"b, c\"], table=f32[2]{1, 2.5}");
  EXPECT_EQ(Options().to_string(), "");
  EXPECT_EQ(to_string(AttributeValue(Tensor(DType::i64, {9}))), "i64[9]") << "large tensors by type alone";
  EXPECT_EQ(to_string(AttributeValue(std::numeric_limits<double>::infinity())), "inf");
  EXPECT_EQ(to_string(AttributeValue(-0.0)), "-0");
}

TEST(Options, SurviveTheirOpenForm) {
  Everything changed;
  changed.flag = false;
  changed.count = std::numeric_limits<std::int64_t>::min();
  changed.small = std::numeric_limits<std::int32_t>::max();
  changed.seed = 12;
  changed.rate = -1e-30F;
  changed.exact = 1e300;
  changed.mode = "";
  changed.dtype = DType::boolean;
  changed.axes = {};
  changed.weights = {0.1F};
  changed.names = {};
  changed.table = Tensor(DType::u8, {3, 0});
  const Options options(changed);
  const Options back = Options(Everything{}).with(options.attributes());
  EXPECT_EQ(back, options);
  EXPECT_NE(back, Options(Everything{}));
  EXPECT_EQ(back.as<Everything>().rate, changed.rate);
  EXPECT_EQ(back.as<Everything>().table, changed.table);
  EXPECT_EQ(back.as<Everything>().dtype, DType::boolean);
}

TEST(Options, ReplaceOnlyTheFieldsGiven) {
  const Options options = Options(Everything{}).with({{"count", std::int64_t{5}}, {"mode", std::string("slow")}});
  EXPECT_EQ(options.as<Everything>().count, 5);
  EXPECT_EQ(options.as<Everything>().mode, "slow");
  EXPECT_EQ(options.as<Everything>().rate, 0.01F);
}

TEST(Options, TakeIntegersForNumbersAndZeroOrOneForFlags) {
  const auto integer = [](std::int64_t value) { return AttributeValue(value); };
  EXPECT_EQ(options_from(Everything{}, {{"rate", integer(3)}}).rate, 3.0F);
  EXPECT_EQ(options_from(Everything{}, {{"exact", integer(-4)}}).exact, -4.0);
  EXPECT_FALSE(options_from(Everything{}, {{"flag", integer(0)}}).flag);
  EXPECT_TRUE(options_from(Everything{}, {{"flag", integer(1)}}).flag);
  EXPECT_THAT(options_from(Everything{}, {{"weights", std::vector<std::int64_t>{1, 2}}}).weights, ElementsAre(1, 2));
}

TEST(Options, RefuseTheWrongKindOfValue) {
  EXPECT_EQ(refusal("flag", std::int64_t{3}), "flag = 3: expected true or false");
  EXPECT_EQ(refusal("flag", std::string("yes")), "flag = \"yes\": expected true or false");
  EXPECT_EQ(refusal("count", 1.5), "count = 1.5: expected an integer");
  EXPECT_EQ(refusal("count", true), "count = true: expected an integer");
  EXPECT_EQ(refusal("rate", std::string("fast")), "rate = \"fast\": expected a number");
  EXPECT_EQ(refusal("rate", true), "rate = true: expected a number");
  EXPECT_EQ(refusal("mode", std::int64_t{1}), "mode = 1: expected a text");
  EXPECT_EQ(refusal("dtype", std::int64_t{1}), "dtype = 1: expected an element type");
  EXPECT_EQ(refusal("dtype", std::string("f16")), "\"f16\" is no element type; expected f32, f64, i32, i64, u8 or bool");
  EXPECT_EQ(refusal("axes", std::int64_t{1}), "axes = 1: expected a list of integers");
  EXPECT_EQ(refusal("axes", std::vector<double>{0.5}), "axes = [0.5]: expected a list of integers");
  EXPECT_EQ(refusal("weights", 0.5), "weights = 0.5: expected a list of numbers");
  EXPECT_EQ(refusal("names", std::string("a")), "names = \"a\": expected a list of texts");
  EXPECT_EQ(refusal("table", 0.5), "table = 0.5: expected a tensor");
}

TEST(Options, RefuseIntegersThatDoNotFit) {
  EXPECT_EQ(refusal("small", std::int64_t{1} << 31), "small = 2147483648: expected a smaller integer");
  EXPECT_EQ(refusal("small", std::int64_t{-2147483648}), "nothing thrown");
}

TEST(Options, SuggestTheNearestField) {
  EXPECT_EQ(refusal("axis", std::int64_t{1}),
            "unknown option \"axis\"; did you mean \"axes\"? (known: flag, count, small, seed, rate, exact, mode, dtype, axes, "
            "weights, names, table)");
  EXPECT_EQ(message_of([] { (void)Options().with({{"axis", std::int64_t{1}}}); }), "unknown option \"axis\"; it takes none");
}

TEST(Options, AreEqualByTypeAndFields) {
  EXPECT_EQ(Options(Everything{}), Options(Everything{}));
  EXPECT_NE(Options(Nothing{}), Options(NoOptions{})) << "no fields, but another struct";
  Everything other;
  other.table = Tensor::of<float>({2}, std::vector<float>{1, 2});
  EXPECT_NE(Options(other), Options(Everything{}));
  EXPECT_EQ(Options(Everything{}).names().size(), 12U);
}

TEST(Options, AreOfOneTypeOnly) {
  EXPECT_THAT(message_of([] { (void)Options(Nothing{}).as<Everything>(); }), ::testing::HasSubstr("expected"));
}

}  // namespace
}  // namespace neurons
