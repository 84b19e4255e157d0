#include "neurons/formats/onnx/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Check checked(const Model& source, const CheckOptions& options = {}) {
  const ReadBack back(source);
  return check(back.model, ops::table(), options);
}

const std::vector<ValueData> kRows = {value("x", {"batch", std::int64_t{4}})};

/// x · w + b, w of 4 × 3.
Model dense(std::vector<NodeData> more, const std::string& output) {
  std::vector<NodeData> nodes = {node("Gemm", {"x", "w", "b"}, {"h"})};
  nodes.insert(nodes.end(), more.begin(), more.end());
  return model(nodes, kRows, {output}, {from_tensor("w", Tensor(DType::f32, {4, 3})), from_tensor("b", Tensor(DType::f32, {3}))});
}

TEST(Check, AModelThatDoesItAll) {
  const Check found = checked(dense({node("Relu", {"h"}, {"y"})}, "y"), {.batch = 2});
  EXPECT_TRUE(found.runs && found.trains && found.exports);
  EXPECT_EQ(found.parameters, 15);
  EXPECT_EQ(found.fixed, 0);
  EXPECT_EQ(found.inputs.at(0).type, "f32[2, 4]");
  EXPECT_EQ(found.outputs.at(0).type, "f32[2, 3]");
  EXPECT_EQ(found.trained_output, "y");
  EXPECT_GE(found.flops, 2 * 2 * 4 * 3);
  EXPECT_LE(found.flops, 2 * 2 * 4 * 3 + 2 * 3 * 2);  // with bias and activation of each result
  EXPECT_GE(found.bytes_to_run, sizeof(float) * (15 + 2 * 4 + 2 * 3));
  EXPECT_GE(found.bytes_to_train, found.bytes_to_run + 2 * sizeof(float) * 15);
  EXPECT_THAT(found.notes, ElementsAre());
}

TEST(Check, TrainsMeansWithSeveralSamples) {
  const auto with_states = [](std::int64_t batch) {
    Tensor h0(DType::f32, {batch, 1, 2});
    h0.values<float>()[0] = 1;  // other states for other samples
    return model({node("RNN", {"x", "w", "w", "", "", "h0"}, {"", "y"}, {integer("hidden_size", 2), integer("layout", 1)})},
                 {value("x", {batch, std::int64_t{3}, std::int64_t{2}})}, {"y"},
                 {from_tensor("w", Tensor(DType::f32, {1, 2, 2})), from_tensor("h0", h0)}, 14);
  };
  const Check one = checked(with_states(1));
  EXPECT_TRUE(one.runs && one.trains);
  EXPECT_EQ(one.trained_batch, 2);
  const Check four = checked(with_states(4));
  EXPECT_TRUE(four.runs);
  EXPECT_FALSE(four.trains);
  EXPECT_THAT(four.notes, ElementsAre(HasSubstr("(the file was written for batches of 4, wanted are 2)")));
}

TEST(Check, AnglesAreNoParameters) {
  const Tensor angles = f32({8, 2}, std::vector<float>(16, 0.5F));
  const Check found = checked(model(
      {node("MatMul", {"x", "w"}, {"h"}), node("RotaryEmbedding", {"h", "cos", "sin", "ids"}, {"y"}, {integer("num_heads", 1)})},
      {value("x", {std::string("batch"), std::int64_t{3}, std::int64_t{4}}),
       value("ids", {std::string("batch"), std::int64_t{3}}, ElementType::i64)},
      {"y"}, {from_tensor("w", Tensor(DType::f32, {4, 4})), from_tensor("cos", angles), from_tensor("sin", angles)}, 23));
  EXPECT_THAT(found.notes, ElementsAre());
  EXPECT_TRUE(found.trains);
  EXPECT_EQ(found.parameters, 16);
  EXPECT_EQ(found.fixed, 32);
}

TEST(Check, WeightsInBodiesAreParameters) {
  GraphData body;
  body.initializers = {from_tensor("w", Tensor(DType::f32, {4, 3}))};
  body.nodes = {node("MatMul", {"x", "w"}, {"product"})};
  body.outputs = {value("product", {})};
  const Check found = checked(model({node("If", {"c"}, {"y"}, {graph("then_branch", body), graph("else_branch", body)})}, kRows,
                                    {"y"}, {from_tensor("c", Tensor(DType::boolean, Shape{}))}));
  EXPECT_TRUE(found.trains);
  EXPECT_EQ(found.parameters, 24);
  EXPECT_EQ(found.fixed, 1);
}

TEST(Check, UnknownOperatorsAreListedWithoutFailingTheRest) {
  Model source = dense({node("Quux", {"h"}, {"a"}), node("Rellu", {"a"}, {"c"}), node("Relu", {"c"}, {"d"}),
                        node("NonMaxSuppression", {"h"}, {"y"})},
                       "y");
  source.graph.values = {value("c", {"batch", std::int64_t{3}})};
  const Check found = checked(source);
  EXPECT_FALSE(found.runs);
  std::vector<std::string> reasons;
  for (const NodeVerdict& verdict : found.nodes) reasons.push_back(verdict.op + ": " + verdict.reason);
  EXPECT_THAT(reasons,
              ElementsAre("Gemm: ", "Quux: is not known here", "Rellu: is not known here; did you mean \"Relu\"?", "Relu: ",
                          "NonMaxSuppression: is not known here; end the model before it, at boxes and scores, and "
                          "suppress in the program"));
  EXPECT_TRUE(found.nodes[3].runs) << "its input's type is in the file";
}

TEST(Check, WhatIsBehindTheUnknownHasTheBatchThatIsAskedFor) {
  Model source = dense({node("Quux", {"h"}, {"a"}), node("Relu", {"a"}, {"y"})}, "y");
  source.graph.values = {value("a", {"batch", std::int64_t{3}})};
  source.graph.outputs.push_back(source.graph.values[0]);
  const Check found = checked(source, {.batch = 7});
  EXPECT_EQ(found.outputs.at(0).type, "f32[7, 3]");
  EXPECT_EQ(found.outputs.at(1).type, "f32[7, 3]");
  source.graph.inputs[0].dims->back() = std::int64_t{1};
  const Check large = checked(source, {.batch = 100'000'000'000'000});
  EXPECT_EQ(large.inputs.at(0).type, "f32[100000000000000, 1]");
  EXPECT_EQ(large.nodes.at(2).reason,
            "reads \"a\", of which nothing is known: shape [100000000000000, 3]: more than 2^48 elements");
  EXPECT_EQ(large.outputs.at(0).type, "not known");
}

TEST(Check, WhatDependsOnTheUnknownIsSaidSo) {
  const Check found = checked(dense({node("Foo", {"h"}, {"a"}), node("Relu", {"a"}, {"c"}), node("Neg", {"c"}, {"y"})}, "y"));
  EXPECT_EQ(found.nodes.at(2).reason, "reads \"a\", of which nothing is known: a (Foo) cannot be run");
  EXPECT_EQ(found.nodes.at(3).reason, "reads \"c\", of which nothing is known: a (Foo) cannot be run");
  EXPECT_EQ(found.outputs.at(0).type, "not known");
}

TEST(Check, WhereGradientsStop) {
  const Check found = checked(dense({node("ArgMax", {"h"}, {"y"})}, "y"));
  EXPECT_TRUE(found.runs && found.exports);
  EXPECT_FALSE(found.trains);
  EXPECT_FALSE(found.nodes.at(1).trains);
  EXPECT_THAT(found.nodes.at(1).reason, HasSubstr("no gradient passes: "));
  EXPECT_THAT(found.notes, ::testing::Contains("does not train: no output depends on its parameters"));
  EXPECT_EQ(found.bytes_to_train, 0U);
  EXPECT_THAT(checked(model({node("Relu", {"x"}, {"y"})}, kRows, {"y"})).notes, ElementsAre("holds no parameters to train"));
}

TEST(Check, SaysWhichOutputsCanBeHadAlone) {
  Model source = dense({node("Enchant", {"h"}, {"m"})}, "h");
  source.graph.outputs.push_back({"m", ElementType::f32, true, std::nullopt});
  const Check found = checked(source);
  EXPECT_FALSE(found.runs || found.trains || found.exports);
  EXPECT_THAT(found.notes, ElementsAre("\"h\" can be run, trained and exported alone: the output \"m\" is left out: it uses "
                                       "operators that are not known here: Enchant"));
}

TEST(Check, TrainsWithAnotherBatchThanTheFileSays) {
  Model source = dense({}, "h");
  source.graph.inputs[0].dims->front() = std::int64_t{2};
  EXPECT_EQ(checked(source).trained_batch, 3);
}

TEST(Check, AdvisesOnlyWhereAnOperatorIsNotKnown) {
  EXPECT_EQ(checked(model({node("Add", {"x", "xx"}, {"y"})}, kRows, {"y"})).nodes.at(0).reason,
            "y (Add) reads \"xx\", which is no input, no initialiser and no node's result; did you mean \"x\"?");
}

TEST(Check, SaysWhatIsComputedOtherwise) {
  Model source = dense({}, "h");
  source.graph.inputs[0].type = ElementType::f16;
  EXPECT_THAT(checked(source).notes, ElementsAre("what is float16 in the file is computed in float32"));
}

TEST(Check, WeightsThatAreNotThereTakeNoMemory) {
  Model source = dense({}, "h");
  source.graph.initializers[0].dims = {4, std::int64_t{1} << 40};
  const Check found = checked(source);
  EXPECT_FALSE(found.runs);
  EXPECT_EQ(found.parameters, 3);
  EXPECT_EQ(found.nodes.at(0).reason,
            "reads \"w\", of which nothing is known: tensor \"w\": holds 48 bytes, its dims say 17592186044416");
}

/// The table and the numbers are there even where no machine could hold what is computed.
TEST(Check, ModelsThatNoMachineHolds) {
  for (const std::int64_t batch : {99'999'999'999, 9'999'999'999'999}) {
    SCOPED_TRACE(batch);
    const Check large = checked(dense({node("Relu", {"h"}, {"y"})}, "y"), {.batch = batch});
    EXPECT_TRUE(large.runs && large.trains && large.exports);
    EXPECT_EQ(large.nodes.size(), 2U);
    EXPECT_GE(large.bytes_to_run, sizeof(float) * static_cast<std::size_t>(batch) * (4 + 3));
    EXPECT_GT(large.bytes_to_train, large.bytes_to_run);
    EXPECT_THAT(large.notes, ::testing::Contains(HasSubstr("needs more memory than this machine has, ")));
  }
  const Check small = checked(dense({}, "h"));
  EXPECT_THAT(small.notes, ElementsAre());
}

/// The table tells where sizes end that can be counted.
TEST(Check, SizesBeyondCounting) {
  const auto twice = [](std::int64_t batch) {
    return checked(
        model({node("Relu", {"x"}, {"h"}), node("Concat", {"h", "h"}, {"d"}, {integer("axis", 1)}), node("Relu", {"d"}, {"y"})},
              kRows, {"y"}, {}),
        {.batch = batch});
  };
  const Check later = twice(60'000'000'000'000);
  ASSERT_EQ(later.nodes.size(), 3U);
  EXPECT_TRUE(later.nodes[0].runs);
  EXPECT_THAT(later.nodes[1].reason, HasSubstr("more than 2^48 elements"));
  EXPECT_THAT(later.nodes[2].reason, HasSubstr("reads \"d\""));
  EXPECT_FALSE(later.runs);
  const Check at_once = twice(100'000'000'000'000);
  ASSERT_EQ(at_once.nodes.size(), 3U);
  EXPECT_EQ(at_once.nodes[0].reason, "reads \"x\", of which nothing is known: shape [100000000000000, 4]: more than 2^48 elements");
  EXPECT_EQ(at_once.inputs.at(0).type, "shape [100000000000000, 4]: more than 2^48 elements");
  EXPECT_EQ(checked(dense({}, "h"), {.batch = 100'000'000'000'000}).parameters, 15);
}

TEST(Check, ModelsThatCannotBePlannedHere) {
  const Model source =
      model({node("OneHot", {"x", "depth", "values"}, {"y"})}, {value("x", {std::int64_t{1}}, ElementType::i64)}, {"y"},
            {from_tensor("depth", i64({1}, {std::int64_t{1} << 40})), from_tensor("values", f32({2}, {0, 1}))});
  const Check found = checked(source);
  EXPECT_TRUE(found.runs && found.exports);
  EXPECT_EQ(found.nodes.size(), 1U);
  EXPECT_GE(found.bytes_to_run, sizeof(float) << 40U);
  EXPECT_THAT(found.notes, ElementsAre(HasSubstr("its memory is at least that of its largest operator"),
                                       "holds no parameters to train", HasSubstr("needs more memory than this machine has, ")));
}

/// What the file calls as an extent that is given is as long.
TEST(Check, InputsFollowTheShapesThatAreGiven) {
  const std::string batch = "batch";
  const std::string time = "time";
  const Model source = model({node("Add", {"x", "mask"}, {"h"}), node("Mul", {"h", "scale"}, {"y"})},
                             {value("x", {batch, time, std::int64_t{2}}), value("mask", {batch, time, std::int64_t{1}}),
                              value("scale", {std::string(), std::int64_t{1}, std::int64_t{2}}), value("n", {batch})},
                             {"y"});
  const auto types = [&](const CheckOptions& options) {
    const Check found = checked(source, options);
    EXPECT_TRUE(found.runs);
    std::vector<std::string> result;
    for (const CheckedValue& input : found.inputs) result.push_back(input.type);
    return result;
  };
  EXPECT_THAT(types({.batch = 0, .shapes = {{"x", Shape({8, 100, 2})}}}),
              ElementsAre("f32[8, 100, 2]", "f32[8, 100, 1]", "f32[8, 1, 2]", "f32[8]"));
  EXPECT_THAT(types({.batch = 0, .shapes = {{"mask", Shape({3, 5, 1})}}}),
              ElementsAre("f32[3, 5, 2]", "f32[3, 5, 1]", "f32[3, 1, 2]", "f32[3]"));
  EXPECT_THAT(types({.batch = 4}), ElementsAre("f32[4, 1, 2]", "f32[4, 1, 1]", "f32[4, 1, 2]", "f32[4]"));
  const Check open = checked(source, {.batch = 4});
  EXPECT_THAT(open.notes, ::testing::Contains("input \"x\" leaves \"time\" open, 1 is taken: --shape x=4,1,2 takes another"));
  const Check given = checked(source, {.batch = 0, .shapes = {{"x", Shape({8, 100, 2})}}});
  EXPECT_THAT(given.notes, ElementsAre("holds no parameters to train"));
  // Two that do not fit together are told where they meet.
  EXPECT_FALSE(checked(source, {.batch = 0, .shapes = {{"x", Shape({8, 100, 2})}, {"mask", Shape({8, 7, 1})}}}).runs);
}

TEST(Check, FaultsOfTheWhole) {
  EXPECT_THROW(checked(model({}, {}, {}, {}, 99)), InputError);
  try {
    checked(dense({}, "h"), {.batch = 0, .shapes = {{"image", Shape({1, 4})}}});
    FAIL() << "an input that there is not";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "m.onnx: there is no input \"image\"; known are x");
  }
  const Check odd = checked(dense({}, "h"), {.batch = 0, .shapes = {{"x", Shape({1, 5})}}});
  EXPECT_THAT(odd.nodes.at(0).reason, HasSubstr("5"));
  EXPECT_FALSE(odd.runs);
}

}  // namespace
}  // namespace neurons::onnx
