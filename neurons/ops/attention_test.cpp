#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/ops/testing.hpp"

namespace neurons::ops::testing {
namespace {

using neurons::testing::message_of;
using ::testing::HasSubstr;

constexpr double kFar = -std::numeric_limits<double>::infinity();

/// Two queries and two keys of one head with products 1, 2, 3, 4; a mask that adds 0.5 and hides the last pair.
class OnnxAttention : public ::testing::Test {
 protected:
  std::vector<Value> outputs(const Attributes& attributes) {
    const OpDef& op = table()->find("Attention");
    Attributes all = attributes;
    all.push_back({"scale", 1.0});
    const Value q = graph_.input("q", {DType::f32, {1, 1, 2, 2}});
    const Value k = graph_.input("k", {DType::f32, {1, 1, 2, 2}});
    const Value v = graph_.input("v", {DType::f32, {1, 1, 2, 1}});
    const Value mask = graph_.input("mask", {DType::f32, {2, 2}});
    return graph_.emit_all(op, std::vector<Value>{q, k, v, mask}, op.default_options.with(all));
  }
  std::vector<double> value_of(Value value) {
    return evaluate(graph_, {{"q", {{DType::f32, {1, 1, 2, 2}}, {1, 0, 0, 1}}},
                             {"k", {{DType::f32, {1, 1, 2, 2}}, {1, 3, 2, 4}}},
                             {"v", {{DType::f32, {1, 1, 2, 1}}, {10, 20}}},
                             {"mask", {{DType::f32, {2, 2}}, {0.5, 0, 0.5, kFar}}}})[static_cast<std::size_t>(value.id())]
        .data;
  }
  static void expect_near(const std::vector<double>& actual, const std::vector<double>& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(actual[i] == expected[i] || std::abs(actual[i] - expected[i]) <= 1e-6) << i << ": " << actual[i];
    }
  }
  Graph graph_{table()};
};

/// The softcap comes before the mask, as in ONNX since #7867, and the modes follow that order (#7913).
TEST_F(OnnxAttention, ShowsItsScoresAtEachStage) {
  const auto capped = [](double score) { return 2 * std::tanh(score / 2); };
  const double first = 1 / (1 + std::exp(capped(2) - capped(1) - 0.5));
  const std::vector<std::vector<double>> expected{{1, 2, 3, 4},
                                                  {capped(1), capped(2), capped(3), capped(4)},
                                                  {capped(1) + 0.5, capped(2), capped(3) + 0.5, kFar},
                                                  {first, 1 - first, 1, 0}};
  for (std::int64_t mode = 0; mode < 4; ++mode) {
    SCOPED_TRACE(mode);
    graph_ = Graph(table());
    const auto all = outputs({{"softcap", 2.0}, {"qk_matmul_output_mode", mode}});
    ASSERT_EQ(all.size(), 4U);
    expect_near(value_of(all[0]), {10 * first + 20 * (1 - first), 10});
    expect_near(value_of(all[1]), {1, 3, 2, 4});
    expect_near(value_of(all[2]), {10, 20});
    expect_near(value_of(all[3]), expected[static_cast<std::size_t>(mode)]);
  }
}

TEST_F(OnnxAttention, SoftensInTheTypeThatIsAskedFor) {
  const auto way = [&](std::int64_t precision) -> std::string {
    Graph graph(table());
    std::vector<Value> inputs;
    for (const Shape& shape : {Shape{1, 1, 2, 2}, Shape{1, 1, 2, 2}, Shape{1, 1, 2, 1}}) {
      inputs.push_back(graph.input("x" + std::to_string(inputs.size()), {DType::f32, shape}));
    }
    const OpDef& op = table()->find("Attention");
    const Options options = op.default_options.with({{"softmax_precision", precision}});
    const Value y = op.decompose({graph, op, options, inputs, "attention"})[0];
    EXPECT_EQ(y.type(), (TensorType{DType::f32, {1, 1, 2, 1}}));
    const Node& maker = graph.nodes()[static_cast<std::size_t>(graph.info(y.id()).node)];
    return maker.op->name == "ScaledDotProductAttention" ? "in tiles" : "whole";
  };
  EXPECT_EQ(way(0), "in tiles");
  EXPECT_EQ(way(1), "in tiles");
  EXPECT_EQ(way(11), "whole");
  EXPECT_THAT(message_of([&] {
                outputs({{"softmax_precision", std::int64_t{7}}});
              }),
              HasSubstr("softmax_precision = 7 must be one of"));
}

TEST_F(OnnxAttention, RefusesAStageThatDoesNotExist) {
  EXPECT_THAT(message_of([&] {
                outputs({{"qk_matmul_output_mode", std::int64_t{4}}});
              }),
              HasSubstr("qk_matmul_output_mode = 4 must be from 0 to 3"));
}

/// What one with these inputs (an empty type: absent) and attributes complains of.
std::string complaint(const std::vector<std::optional<TensorType>>& inputs, const Attributes& attributes = {}) {
  Graph graph(table());
  const OpDef& op = table()->find("Attention");
  std::vector<Value> values;
  for (const auto& type : inputs) {
    values.push_back(type ? graph.input("x" + std::to_string(values.size()), *type) : Value{});
  }
  return message_of([&] { graph.emit_all(op, values, op.default_options.with(attributes)); });
}

TEST(Attention, RefusesWhatDoesNotFit) {
  const TensorType x{DType::f32, {2, 1, 3, 4}};
  const TensorType past{DType::f32, {2, 1, 5, 4}};
  const TensorType counts{DType::i64, {2}};
  EXPECT_EQ(complaint({x, x, x, {}, {}, {}, counts}), "nothing thrown");
  EXPECT_THAT(complaint({x, x, x, {}, {}, {}, TensorType{DType::i64, {3}}}),
              HasSubstr("expects the numbers of valid keys to be i64[2]"));
  EXPECT_THAT(complaint({x, x, x, {}, {}, {}, TensorType{DType::f32, {2}}}), HasSubstr("to be i64[2]"));
  EXPECT_THAT(complaint({x, x, x, {}, past, past, counts}), HasSubstr("takes the numbers of valid keys or a past, not both"));
  EXPECT_THAT(complaint({x, x, x, {}, past}), HasSubstr("takes past keys and past values, or neither"));
  EXPECT_THAT(complaint({x, x, x, {}, past, TensorType{DType::f32, {2, 1, 6, 4}}}),
              HasSubstr("past keys have 5 steps, past values 6"));
  EXPECT_THAT(complaint({x, x, x, {}, TensorType{DType::f32, {2, 1, 5, 3}}, past}),
              HasSubstr("expects past keys and values [batch, heads, time, size] = [2, 1, …, 4], got [2, 1, 5, 3]"));
  EXPECT_THAT(complaint({x, x, x}, {{"left_window_size", std::int64_t{-2}}}),
              HasSubstr("left_window_size = -2 must be -1 (all) or at least 0"));
  EXPECT_THAT(complaint({x, x, x}, {{"right_window_size", std::int64_t{-9}}}), HasSubstr("right_window_size = -9 must be"));
  EXPECT_THAT(complaint({x, x, x, TensorType{DType::f32, {4, 3}}}), HasSubstr("the mask [4, 3] does not fit the scores"));
  EXPECT_THAT(complaint({x, x, x, TensorType{DType::i64, {3, 3}}}), HasSubstr("the mask must be bool, or f32 as the queries are"));
}

}  // namespace
}  // namespace neurons::ops::testing
