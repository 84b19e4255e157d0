// What the suites cannot know: corners of integers, NaN, and the words in which inputs are refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/graph/rewrite.hpp"
#include "neurons/ops/testing.hpp"

namespace neurons::ops::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// The op's first kernel that takes these inputs, run on them.
Tensor run(const std::string& name, const std::vector<Tensor>& inputs, const Attributes& options = {}) {
  const OpDef& op = table()->find(name);
  std::vector<Buffer> buffers;
  std::vector<TensorType> types;
  std::vector<Tensor> copies = inputs;
  for (Tensor& tensor : copies) {
    buffers.push_back({tensor.bytes().data(), tensor.type()});
    types.push_back(tensor.type());
  }
  const Options chosen = op.default_options.with(options);
  const InferContext context{op, chosen, types, std::vector<bool>(types.size(), true)};
  std::vector<Tensor> results;
  for (const TensorType& type : op.infer(context)) results.emplace_back(type);
  std::vector<Buffer> outputs;
  for (Tensor& result : results) outputs.push_back({result.bytes().data(), result.type()});
  for (const Kernel& kernel : op.kernels) {
    if (kernel.refuse && !kernel.refuse(context).empty()) continue;
    const Call call = kernel.prepare({op, chosen, buffers, outputs});
    AlignedBuffer scratch(call.scratch_bytes);
    call.function(call.arguments.get(), scratch.data(), {});
    return results.front();
  }
  throw InputError(name + ": no kernel takes these inputs");
}

/// An op that becomes others in every plan, by way of their references.
Tensor replaced(const std::string& name, const Tensor& x) {
  Graph graph(table());
  graph.output("y", graph.emit(name, {graph.input("x", x.type())}));
  const Graph simple = simplify(graph);
  return narrow(evaluate(simple, {{"x", widen(x)}})[static_cast<std::size_t>(simple.outputs().front().value)]);
}

Tensor integers(std::vector<std::int64_t> values) {
  return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}
Tensor floats(std::vector<float> values) { return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values); }

std::string refusal(const std::string& name, const std::vector<TensorType>& types, const Attributes& options = {}) {
  Graph graph(table());
  std::vector<Value> inputs;
  for (const TensorType& type : types) inputs.push_back(graph.input("in" + std::to_string(inputs.size()), type));
  const OpDef& op = table()->find(name);
  try {
    graph.emit_all(op, inputs, op.default_options.with(options), "dense1");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(Integers, WrapAroundInsteadOfOverflowing) {
  EXPECT_THAT(run("Add", {integers({kSmallest, 2}), integers({-1, 3})}).values<std::int64_t>(),
              ElementsAre(std::numeric_limits<std::int64_t>::max(), 5));
  EXPECT_THAT(run("Neg", {integers({kSmallest, -2})}).values<std::int64_t>(), ElementsAre(kSmallest, 2));
  EXPECT_THAT(run("Abs", {integers({kSmallest, -2})}).values<std::int64_t>(), ElementsAre(kSmallest, 2));
}

TEST(Integers, DivideTowardsZeroWithoutTraps) {
  const Tensor quotient = run("Div", {integers({7, -7, 5, kSmallest}), integers({2, 2, 0, -1})});
  EXPECT_THAT(quotient.values<std::int64_t>(), ElementsAre(3, -3, 0, kSmallest));
}

TEST(Integers, BroadcastLikeFloats) {
  const Tensor column = Tensor::of<std::int64_t>({2, 1}, std::vector<std::int64_t>{10, 20});
  EXPECT_THAT(run("Sub", {column, integers({1, 2, 3})}).values<std::int64_t>(), ElementsAre(9, 8, 7, 19, 18, 17));
}

TEST(Integers, HaveRootsAndLogarithmsCutToWholeNumbers) {
  const auto composed = [](const std::string& name, const Tensor& x) {
    Graph graph(table());
    const Value y = graph.emit(name, {graph.input("x", x.type())});
    return narrow(evaluate(graph, {{"x", widen(x)}})[static_cast<std::size_t>(y.id())]);
  };
  const Tensor x = integers({3, -4, 8});
  EXPECT_THAT(run("ReduceL1", {x}).values<std::int64_t>(), ElementsAre(15));
  EXPECT_THAT(composed("ReduceL2", x).values<std::int64_t>(), ElementsAre(9));  // √89
  EXPECT_THAT(composed("ReduceL2", x.cast(DType::i32)).values<std::int32_t>(), ElementsAre(9));
  EXPECT_THAT(composed("ReduceLogSum", x).values<std::int64_t>(), ElementsAre(1));  // log 7
  EXPECT_THAT(composed("ReduceLogSum", integers({0})).values<std::int64_t>(), ElementsAre(kSmallest));
  EXPECT_THAT(composed("ReduceLogSumExp", integers({1000, 1001})).values<std::int64_t>(), ElementsAre(1001));
}

TEST(Cast, SaturatesAndTakesNanForZero) {
  const Tensor extremes = floats({kNan, kInfinity, -kInfinity, -2.9F, 3e10F});
  EXPECT_THAT(run("Cast", {extremes}, {{"to", std::string("i32")}}).values<std::int32_t>(),
              ElementsAre(0, std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min(), -2,
                          std::numeric_limits<std::int32_t>::max()));
  EXPECT_THAT(run("Cast", {extremes}, {{"to", std::string("bool")}}).values<bool>(), ElementsAre(true, true, true, true, true));
}

TEST(Extremes, GiveNanWhereAnyInputIsNan) {
  for (const char* op : {"Max", "Min"}) {
    const Tensor result = run(op, {floats({kNan, 1, kNan}), floats({1, kNan, kNan})});
    EXPECT_THAT(result.values<float>(), ::testing::Each(::testing::IsNan())) << op;
  }
}

TEST(Comparisons, AreFalseForNan) {
  for (const char* op : {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}) {
    const Tensor result = run(op, {floats({kNan, 1, kNan}), floats({1, kNan, kNan})});
    EXPECT_THAT(result.values<bool>(), ::testing::Each(false)) << op;
  }
}

/// Ops of one float input give NaN for NaN, alone and among other numbers.
TEST(Nan, PassesThroughFunctionsOfOneNumber) {
  for (const OpDef* op : table()->all()) {
    if (!op->elementwise || op->internal || op->maximum_inputs != 1) continue;
    if (op->name == "Not" || op->name == "Cast" || op->name == "IsNaN" || op->name == "IsInf") continue;  // of or to others
    const Tensor x = floats({1, kNan, -1, 0.5F, kNan});
    const Tensor result = op->simplify && op->decompose ? replaced(op->name, x) : run(op->name, {x});
    EXPECT_THAT(result.values<float>()[1], ::testing::IsNan()) << op->name;
    EXPECT_THAT(result.values<float>()[4], ::testing::IsNan()) << op->name;
    EXPECT_FALSE(std::isnan(result.values<float>()[0])) << op->name;
  }
}

TEST(Dropout, KeepsItsShareAndDrawsAnewEachStep) {
  constexpr std::int64_t kElements = 100'000;
  const Tensor ones = Tensor::of<float>({kElements}, std::vector<float>(kElements, 1.0F));
  const auto drop = [&](std::int64_t step, std::int64_t seed) {
    const Tensor at = Tensor::of<std::int64_t>({}, std::vector<std::int64_t>{step});
    return run("Dropout", {ones, at}, {{"ratio", 0.25}, {"seed", seed}});
  };
  const Tensor first = drop(0, 1);
  double kept = 0;
  for (const float value : first.values<float>()) {
    ASSERT_TRUE(value == 0.0F || value == 1 / (1 - 0.25F));
    kept += value == 0.0F ? 0 : 1;
  }
  constexpr double kSixDeviations = 6 * 0.433 / 316.2;  // sqrt(0.25 · 0.75) / sqrt(100,000)
  EXPECT_NEAR(kept / kElements, 0.75, kSixDeviations);
  EXPECT_EQ(first, drop(0, 1));
  EXPECT_NE(first, drop(1, 1));
  EXPECT_NE(first, drop(0, 2));
}

TEST(Refusals, NameTheNodeTheOpTheFactAndTheInputs) {
  EXPECT_THAT(refusal("Add", {{DType::f32, {2, 3}}, {DType::f32, {4}}}),
              ::testing::AllOf(HasSubstr("dense1: Add: "), HasSubstr("[2, 3]"), HasSubstr("[4]")));
  EXPECT_THAT(refusal("Add", {{DType::f32, {2}}, {DType::i64, {2}}}), HasSubstr("inputs must have one element type"));
  EXPECT_THAT(refusal("Exp", {{DType::i64, {2}}}), HasSubstr("takes elements of type f32, f64"));
  EXPECT_THAT(refusal("And", {{DType::f32, {2}}, {DType::f32, {2}}}), HasSubstr("takes elements of type bool"));
  EXPECT_THAT(refusal("Where", {{DType::f32, {2}}, {DType::f32, {2}}, {DType::f32, {2}}}), HasSubstr("the condition must be bool"));
  EXPECT_THAT(refusal("Clip", {{DType::f32, {}}, {DType::f32, {2}}}), HasSubstr("bounds do not broadcast"));
  EXPECT_THAT(refusal("PRelu", {{DType::f32, {3}}, {DType::f32, {2, 3}}}), HasSubstr("slope does not broadcast"));
  EXPECT_THAT(refusal("Gelu", {{DType::f32, {3}}}, {{"approximate", std::string("fast")}}), HasSubstr("\"none\" or \"tanh\""));
  EXPECT_THAT(refusal("Dropout", {{DType::f32, {3}}, {DType::i64, {}}}, {{"ratio", 1.0}}), HasSubstr("ratio must be in [0, 1)"));
  EXPECT_THAT(refusal("Dropout", {{DType::f32, {3}}, {DType::f32, {}}}), HasSubstr("the step must be an i64 scalar"));
  EXPECT_THAT(refusal("SgdUpdate", {{DType::f32, {3}}, {DType::f32, {4}}, {DType::f32, {}}}), HasSubstr("the type of the weight"));
  EXPECT_THAT(refusal("SgdUpdate", {{DType::f32, {3}}, {DType::f32, {3}}, {DType::f32, {1}}}), HasSubstr("must be a f32 scalar"));
}

}  // namespace
}  // namespace neurons::ops::testing
