// Operators that are not one op of ours by name: old forms and control flow.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::HasSubstr;

std::vector<Dim> dims(std::initializer_list<std::int64_t> extents) { return {extents.begin(), extents.end()}; }

/// The result of one node on x.
Tensor result_of(const NodeData& only, const Tensor& x, std::int64_t opset, std::vector<TensorData> initializers = {}) {
  const auto extents = x.shape().extents();
  return run(model({only}, {value("x", {extents.begin(), extents.end()})}, {"y"}, std::move(initializers), opset), {{"x", x}})[0];
}

const Tensor kGrid = f32({2, 3}, {1, 2, 3, 4, 5, 6});

TEST(OldForms, BroadcastByAttribute) {
  const std::vector<TensorData> rows = {from_tensor("b", f32({2}, {10, 20}))};
  const NodeData add = node("Add", {"x", "b"}, {"y"}, {integer("broadcast", 1), integer("axis", 0)});
  EXPECT_EQ(result_of(add, kGrid, 6, rows), f32({2, 3}, {11, 12, 13, 24, 25, 26}));
  const std::vector<TensorData> columns = {from_tensor("b", f32({3}, {1, 0, -1}))};
  EXPECT_EQ(result_of(node("Add", {"x", "b"}, {"y"}, {integer("broadcast", 1)}), kGrid, 6, columns),
            f32({2, 3}, {2, 2, 2, 5, 5, 5}));
  const Model misplaced = model({node("Add", {"x", "b"}, {"y"}, {integer("broadcast", 1), integer("axis", 2)})},
                                {value("x", dims({2, 3}))}, {"y"}, rows, 6);
  EXPECT_THAT(fault_of(misplaced), HasSubstr("axis 2 leaves no place for [2]"));
}

TEST(OldForms, SoftmaxOfAllAxesFromOneOn) {
  const Tensor x = f32({1, 2, 2}, {0, 0, 0, 0});
  EXPECT_EQ(result_of(node("Softmax", {"x"}, {"y"}), x, 12), f32({1, 2, 2}, {0.25F, 0.25F, 0.25F, 0.25F}));
  EXPECT_EQ(result_of(node("Softmax", {"x"}, {"y"}), x, 13), f32({1, 2, 2}, {0.5F, 0.5F, 0.5F, 0.5F}));
}

TEST(OldForms, ConcatWithoutItsAxisIsRefusedSinceOpset4) {
  const NodeData pair = node("Concat", {"x", "x"}, {"y"});
  EXPECT_EQ(result_of(pair, kGrid, 3), f32({2, 6}, {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}));
  const Model source = model({pair}, {value("x", dims({2, 3}))}, {"y"}, {}, 4);
  EXPECT_THAT(fault_of(source), HasSubstr("y (Concat): has no attribute axis, which it needs since opset 4"));
}

TEST(OldForms, WhatBecameInputsWereAttributes) {
  EXPECT_EQ(result_of(node("Clip", {"x"}, {"y"}, {real("min", 2), real("max", 5)}), kGrid, 6), f32({2, 3}, {2, 2, 3, 4, 5, 5}));
  EXPECT_EQ(result_of(node("ReduceSum", {"x"}, {"y"}, {integers("axes", {1}), integer("keepdims", 0)}), kGrid, 11),
            f32({2}, {6, 15}));
  EXPECT_EQ(result_of(node("ReduceSum", {"x", "a"}, {"y"}, {integer("keepdims", 0)}), kGrid, 13, {from_tensor("a", i64({1}, {1}))}),
            f32({2}, {6, 15}));
  EXPECT_EQ(result_of(node("Unsqueeze", {"x"}, {"y"}, {integers("axes", {0})}), kGrid, 11).shape(), Shape({1, 2, 3}));
  const NodeData pads = node("Pad", {"x"}, {"y"}, {integers("pads", {0, 1, 0, 0}), real("value", 9)});
  EXPECT_EQ(result_of(pads, kGrid, 2), f32({2, 4}, {9, 1, 2, 3, 9, 4, 5, 6}));
  const NodeData paddings = node("Pad", {"x"}, {"y"}, {integers("paddings", {0, 1, 0, 0})});
  EXPECT_EQ(result_of(paddings, kGrid, 1), f32({2, 4}, {0, 1, 2, 3, 0, 4, 5, 6}));
  EXPECT_EQ(result_of(node("Reshape", {"x"}, {"y"}, {integers("shape", {3, 2})}), kGrid, 1).shape(), Shape({3, 2}));
}

TEST(OldForms, UpsampleRepeats) {
  const Tensor x = f32({1, 1, 1, 2}, {1, 2});
  const NodeData by_attribute = node("Upsample", {"x"}, {"y"}, {reals("scales", {1, 1, 1, 2})});
  EXPECT_EQ(result_of(by_attribute, x, 7), f32({1, 1, 1, 4}, {1, 1, 2, 2}));
  EXPECT_EQ(result_of(node("Upsample", {"x", "s"}, {"y"}), x, 9, {from_tensor("s", f32({4}, {1, 1, 1, 2}))}),
            f32({1, 1, 1, 4}, {1, 1, 2, 2}));
}

TEST(OldForms, ResizeTakesTheNextPixelWhereAnAxisShrinksAndTheOneBeforeWhereItGrows) {
  const Tensor x = f32({1, 1, 2, 5}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(result_of(node("Resize", {"x", "s"}, {"y"}), x, 10, {from_tensor("s", f32({4}, {1, 1, 1.5F, 0.8F}))}),
            f32({1, 1, 3, 4}, {0, 2, 3, 4, 0, 2, 3, 4, 5, 7, 8, 9}));
}

TEST(Normalizations, ScaleAndBiasBroadcastToTheInput) {
  const Tensor x = f32({2, 2}, {1, 3, 2, 6});
  const NodeData norm = node("LayerNormalization", {"x", "s", "b"}, {"y"}, {real("epsilon", 0)});
  const auto with = [&](const Tensor& scale, const Tensor& bias) {
    return result_of(norm, x, 17, {from_tensor("s", scale), from_tensor("b", bias)});
  };
  EXPECT_EQ(with(f32({1, 2}, {2, 3}), f32({2}, {0, 1})), f32({2, 2}, {-2, 4, -2, 4})) << "a leading axis";
  EXPECT_EQ(with(f32({2, 1}, {2, 3}), f32({1}, {1})), f32({2, 2}, {-1, 3, -2, 4})) << "of each row";
  EXPECT_EQ(with(f32({}, {2}), f32({2, 2}, {0, 1, 2, 3})), f32({2, 2}, {-2, 3, 0, 5})) << "of each number";
  const NodeData squares = node("RMSNormalization", {"x", "s"}, {"y"}, {real("epsilon", 0)});
  EXPECT_EQ(result_of(squares, f32({2, 1}, {3, -4}), 23, {from_tensor("s", f32({2, 1}, {2, 3}))}), f32({2, 1}, {2, -3}));
  const Model wide = model({norm}, {value("x", dims({2, 2}))}, {"y"},
                           {from_tensor("s", f32({3, 1, 1}, {1, 2, 3})), from_tensor("b", f32({1}, {0}))}, 17);
  EXPECT_THAT(fault_of(wide), HasSubstr("must broadcast to x [2, 2], but the result has shape [3, 2, 2]"));
}

TEST(Signs, OfDenormalsAreZero) {
  const Tensor y = result_of(node("Sign", {"x"}, {"y"}), f32({4}, {1e-40F, -1e-40F, 2, -3}), 13);
  EXPECT_EQ(y.values<float>()[0], 0.0F);
  EXPECT_EQ(y.values<float>()[1], 0.0F);
  EXPECT_EQ(y.values<float>()[2], 1.0F);
  EXPECT_EQ(y.values<float>()[3], -1.0F);
}

TEST(OldForms, NormalisationsOfInference) {
  const Tensor x = f32({1, 2, 1}, {3, 5});
  const std::vector<TensorData> statistics = {from_tensor("s", f32({2}, {1, 2})), from_tensor("b", f32({2}, {0, 1})),
                                              from_tensor("m", f32({2}, {1, 1})), from_tensor("v", f32({2}, {4, 1}))};
  const NodeData norm =
      node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"},
           {integer("is_test", 1), integer("spatial", 1), real("epsilon", 0), integers("consumed_inputs", {0, 0})});
  EXPECT_EQ(result_of(norm, x, 6, statistics), f32({1, 2, 1}, {1, 9}));
  EXPECT_EQ(result_of(node("Dropout", {"x"}, {"y"}, {real("ratio", 0.9F)}), kGrid, 7), kGrid);
}

TEST(ControlFlow, IfFollowsWhatIsKnown) {
  GraphData negative;
  negative.nodes = {node("Neg", {"x"}, {"n"})};  // of the outer graph
  negative.outputs = {value("n", {})};
  GraphData same;
  same.nodes = {node("Identity", {"x"}, {"i"})};
  same.outputs = {value("i", {})};
  const NodeData choice = node("If", {"c"}, {"y"}, {graph("then_branch", negative), graph("else_branch", same)});
  Tensor yes(DType::boolean, Shape{});
  yes.values<bool>()[0] = true;
  const Tensor x = f32({2}, {1, 2});
  EXPECT_EQ(result_of(choice, x, 13, {from_tensor("c", yes)}), f32({2}, {-1, -2}));
  EXPECT_EQ(result_of(choice, x, 13, {from_tensor("c", Tensor(DType::boolean, Shape{}))}), x);
  const Model open = model({choice}, {value("x", dims({2})), value("c", {}, ElementType::boolean)}, {"y"});
  EXPECT_EQ(fault_of(open),
            "m.onnx: y (If): its condition is known only when the model runs; only one that is known before can be followed");
}

/// sum' = sum + step; gives the sum of each step.
GraphData summing_body() {
  GraphData body;
  body.inputs = {value("step", {}, ElementType::i64), value("go", {}, ElementType::boolean), value("sum", {}, ElementType::i64)};
  body.nodes = {node("Add", {"sum", "step"}, {"next"}), node("Identity", {"go"}, {"on"}), node("Identity", {"next"}, {"seen"})};
  body.outputs = {value("on", {}), value("next", {}), value("seen", {})};
  return body;
}

TEST(ControlFlow, LoopIsUnrolled) {
  const Model source = model({node("Loop", {"trips", "", "x"}, {"last", "all"}, {graph("body", summing_body())})},
                             {value("x", {}, ElementType::i64)}, {"last", "all"}, {from_tensor("trips", i64({}, {4}))});
  const auto results = run(source, {{"x", i64({}, {100})}});
  EXPECT_EQ(results[0], i64({}, {106}));
  EXPECT_EQ(results[1], i64({4}, {100, 101, 103, 106}));
}

TEST(ControlFlow, LoopsThatCannotBeUnrolled) {
  const auto loop = [&](std::int64_t trips) {
    return model({node("Loop", {"trips", "", "x"}, {"y"}, {graph("body", summing_body())})}, {value("x", {}, ElementType::i64)},
                 {"y"}, {from_tensor("trips", i64({}, {trips}))});
  };
  EXPECT_THAT(fault_of(loop(std::int64_t{1} << 40)), HasSubstr("runs more than 4096 steps, too many to unroll"));
  const Model open = model({node("Loop", {"n", "", "x"}, {"y"}, {graph("body", summing_body())})},
                           {value("x", {}, ElementType::i64), value("n", {}, ElementType::i64)}, {"y"});
  EXPECT_THAT(fault_of(open), HasSubstr("its number of steps (\"n\") must be one number that is known before the model runs"));
}

TEST(ControlFlow, ALoopThatGoesOnByAValueThatIsNotGivenIsRefused) {
  GraphData body = summing_body();
  body.inputs.push_back(value("absent", {}, ElementType::boolean));
  body.outputs = {value("absent", {}), value("next", {}), value("absent", {})};
  const Model source =
      model({node("Loop", {"", "", "x", ""}, {"y"}, {graph("body", body)})}, {value("x", {}, ElementType::i64)}, {"y"});
  EXPECT_EQ(fault_of(source), "m.onnx: y (Loop): whether it goes on is a value that is not given");
}

TEST(ControlFlow, LoopsEndWhereTheirBodySaysSo) {
  GraphData body = summing_body();
  body.nodes[1] = node("Less", {"step", "limit"}, {"on"});
  const auto loop = [&](std::int64_t limit) {
    return model({node("Loop", {"", "yes", "x"}, {"last", "all"}, {graph("body", body)})}, {value("x", {}, ElementType::i64)},
                 {"last"}, {from_tensor("yes", Tensor::of<std::uint8_t>({}, {1})), from_tensor("limit", i64({}, {limit}))});
  };
  EXPECT_EQ(run(loop(2), {{"x", i64({}, {100})}})[0], i64({}, {103}));
  EXPECT_THAT(fault_of(loop(1 << 20)), HasSubstr("runs more than 4096 steps, too many to unroll"));
}

TEST(Rules, InputsThatAreMissing) {
  for (const char* op : {"ConstantOfShape",
                         "Range",
                         "OneHot",
                         "Loop",
                         "If",
                         "Scan",
                         "BatchNormalization",
                         "Dropout",
                         "Upsample",
                         "Unique",
                         "Compress",
                         "NonZero",
                         "Shape",
                         "EyeLike",
                         "Cast",
                         "CastLike",
                         "GroupNormalization",
                         "Mean",
                         "Sum",
                         "Clip",
                         "Pad",
                         "Reshape",
                         "Softmax",
                         "PRelu",
                         "Add",
                         "MeanVarianceNormalization",
                         "Identity"}) {
    EXPECT_THAT(fault_of(model({node(op, {}, {"y"})}, {}, {"y"})), ::testing::StartsWith("m.onnx: y (" + std::string(op) + "): "));
  }
}

TEST(ControlFlow, ScanWalksAlongAnAxis) {
  GraphData body;
  body.inputs = {value("sum", dims({3})), value("row", dims({3}))};
  body.nodes = {node("Add", {"sum", "row"}, {"next"}), node("Identity", {"next"}, {"seen"})};
  body.outputs = {value("next", dims({3})), value("seen", dims({3}))};
  const std::vector<TensorData> zero = {from_tensor("zero", Tensor(DType::f32, {3}))};
  const auto scan = [&](std::vector<AttributeData> more) {
    more.push_back(graph("body", body));
    more.push_back(integer("num_scan_inputs", 1));
    return model({node("Scan", {"zero", "x"}, {"last", "all"}, more)}, {value("x", dims({2, 3}))}, {"last", "all"}, zero, 11);
  };
  const auto forward = run(scan({}), {{"x", kGrid}});
  EXPECT_EQ(forward[0], f32({3}, {5, 7, 9}));
  EXPECT_EQ(forward[1], f32({2, 3}, {1, 2, 3, 5, 7, 9}));
  const auto backward = run(scan({integers("scan_input_directions", {1})}), {{"x", kGrid}});
  EXPECT_EQ(backward[1], f32({2, 3}, {4, 5, 6, 5, 7, 9}));
}

/// sum' = sum + row; gives the sum of each step.
GraphData sum_of_rows() {
  GraphData body;
  body.inputs = {value("sum", {}), value("row", {})};
  body.nodes = {node("Add", {"sum", "row"}, {"next"}), node("Identity", {"next"}, {"seen"})};
  body.outputs = {value("next", {}), value("seen", {})};
  return body;
}

TEST(ControlFlow, ScanStacksAlongAnAxisInEitherDirection) {
  const NodeData scan = node("Scan", {"zero", "x"}, {"last", "all"},
                             {graph("body", sum_of_rows()), integer("num_scan_inputs", 1), integers("scan_input_axes", {1}),
                              integers("scan_output_axes", {-1}), integers("scan_output_directions", {1})});
  const auto results =
      run(model({scan}, {value("x", dims({2, 3}))}, {"last", "all"}, {from_tensor("zero", Tensor(DType::f32, {2}))}, 11),
          {{"x", kGrid}});
  EXPECT_EQ(results[0], f32({2}, {6, 15}));
  EXPECT_EQ(results[1], f32({2, 3}, {6, 3, 1, 15, 9, 4}));
}

TEST(ControlFlow, ScanOfOpset8HasABatch) {
  const auto scan = [](std::vector<AttributeData> more) {
    more.push_back(graph("body", sum_of_rows()));
    more.push_back(integer("num_scan_inputs", 1));
    return model({node("Scan", {"", "zero", "x"}, {"last", "all"}, more)}, {value("x", dims({2, 2, 3}))}, {"last", "all"},
                 {from_tensor("zero", Tensor(DType::f32, {2, 3}))}, 8);
  };
  const Tensor x = f32({2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const auto forward = run(scan({}), {{"x", x}});
  EXPECT_EQ(forward[0], f32({2, 3}, {5, 7, 9, 17, 19, 21}));
  EXPECT_EQ(forward[1], f32({2, 2, 3}, {1, 2, 3, 5, 7, 9, 7, 8, 9, 17, 19, 21}));
  const auto backward = run(scan({integers("directions", {1})}), {{"x", x}});
  EXPECT_EQ(backward[1], f32({2, 2, 3}, {4, 5, 6, 5, 7, 9, 10, 11, 12, 17, 19, 21}));

  for (const std::int64_t samples : {1, 3}) {
    EXPECT_THAT(
        fault_of(
            model({node("Scan", {"", "zero", "x"}, {"last", "all"}, {graph("body", sum_of_rows()), integer("num_scan_inputs", 1)})},
                  {value("x", dims({samples, 2, 3}))}, {"last"}, {from_tensor("zero", Tensor(DType::f32, {2, 3}))}, 8)),
        HasSubstr("input 2 is [" + std::to_string(samples) + ", 2, 3], expected one of each of 2 samples first"));
  }
}

TEST(ControlFlow, ScansThatDoNotFit) {
  const auto fault = [](std::vector<std::string> inputs, std::int64_t scanned, std::int64_t opset = 11,
                        GraphData body = sum_of_rows()) {
    return fault_of(model(
        {node("Scan", std::move(inputs), {"last", "all"}, {graph("body", std::move(body)), integer("num_scan_inputs", scanned)})},
        {value("x", dims({2, 3})), value("longer", dims({3, 3})), value("long", dims({5000, 3}))}, {"last"},
        {from_tensor("zero", Tensor(DType::f32, {3})), from_tensor("n", i64({2}, {1, 2}))}, opset));
  };
  EXPECT_EQ(fault({"zero", "x"}, 1), "");
  EXPECT_THAT(fault({"zero", "x"}, 0), HasSubstr("num_scan_inputs does not fit its inputs"));
  EXPECT_THAT(fault({"zero", "x"}, 3), HasSubstr("num_scan_inputs does not fit its inputs"));
  EXPECT_THAT(fault({"zero", "long"}, 1), HasSubstr("runs 5000 steps, too many to unroll"));
  EXPECT_THAT(fault({"x", "longer"}, 2), HasSubstr("its sequences have 2 and 3 steps"));
  EXPECT_THAT(fault({"zero", "zero", "zero", "x"}, 1), HasSubstr("its body has fewer outputs than states"));
  EXPECT_THAT(fault({"n", "zero", "x"}, 1, 8), HasSubstr("sequences of different lengths in one batch are not unrolled"));
}

/// What is carried on is what it began with; what is gathered is empty, of the shape that steps would have given it.
TEST(ControlFlow, NoStepAtAll) {
  const Tensor none(DType::f32, {2, 0});
  const Tensor begin = f32({2}, {3, 4});
  const auto scan = [&](const std::vector<std::string>& outputs, GraphData body, std::int64_t out_axis) {
    const NodeData made = node("Scan", {"begin", "x"}, {"last", outputs.back() == "all" ? "all" : ""},
                               {graph("body", std::move(body)), integer("num_scan_inputs", 1), integers("scan_input_axes", {1}),
                                integers("scan_output_axes", {out_axis}), integers("scan_input_directions", {1})});
    return run(model({made}, {value("x", dims({2, 0}))}, outputs, {from_tensor("begin", begin)}, 11), {{"x", none}});
  };
  for (const std::int64_t axis : {0, 1, -1, -2}) {
    const auto both = scan({"last", "all"}, sum_of_rows(), axis);
    EXPECT_EQ(both[0], begin);
    EXPECT_EQ(both[1], Tensor(DType::f32, axis == 0 || axis == -2 ? Shape{0, 2} : Shape{2, 0})) << axis;
  }
  GraphData unknown = sum_of_rows();
  unknown.nodes[1] = node("Gather", {"next", "next"}, {"seen"});  // by numbers that are no whole ones
  EXPECT_EQ(scan({"last"}, unknown, 0)[0], begin);

  const auto of_opset_8 =
      run(model({node("Scan", {"", "begin", "x"}, {"last", "all"}, {graph("body", sum_of_rows()), integer("num_scan_inputs", 1)})},
                {value("x", dims({2, 0, 3}))}, {"last", "all"}, {from_tensor("begin", kGrid)}, 8),
          {{"x", Tensor(DType::f32, {2, 0, 3})}});
  EXPECT_EQ(of_opset_8[0], kGrid);
  EXPECT_EQ(of_opset_8[1], Tensor(DType::f32, {2, 0, 3}));

  const auto loop = run(model({node("Loop", {"none", "", "x"}, {"last", "all"}, {graph("body", summing_body())})},
                              {value("x", {}, ElementType::i64)}, {"last", "all"}, {from_tensor("none", i64({}, {0}))}),
                        {{"x", i64({}, {100})}});
  EXPECT_EQ(loop[0], i64({}, {100}));
  EXPECT_EQ(loop[1], Tensor(DType::i64, {0}));
}

TEST(ControlFlow, ConditionsThatSayNothing) {
  const std::vector<ValueData> inputs = {value("x", {}, ElementType::i64), value("go", {}, ElementType::boolean)};
  const std::vector<TensorData> known = {from_tensor("none", i64({}, {0})), from_tensor("two", i64({}, {2})),
                                         from_tensor("both", Tensor(DType::boolean, {2}))};
  const auto loop = [&](const std::string& trips, const std::string& condition, const GraphData& body = summing_body()) {
    return fault_of(
        model({node("Loop", {trips, condition, "x"}, {"last", "all"}, {graph("body", body)})}, inputs, {"last"}, known));
  };
  EXPECT_EQ(loop("two", ""), "");
  EXPECT_EQ(loop("none", ""), "");
  EXPECT_THAT(loop("two", "go"), HasSubstr("whether it goes on is known only when the model runs"));
  EXPECT_THAT(loop("two", "both"), HasSubstr("whether it goes on must be one value"));
  GraphData short_body = summing_body();
  short_body.outputs.resize(1);
  EXPECT_THAT(loop("two", "", short_body), HasSubstr("its body has fewer outputs than values to carry on"));
  EXPECT_THAT(fault_of(model({node("If", {"both"}, {"y"}, {graph("then_branch", summing_body())})}, inputs, {"y"}, known)),
              HasSubstr("its condition is known only when the model runs"));
}

TEST(Rules, ASplitIntoMorePartsThanItHasOutputsIsRefused) {
  const Model source = model({node("Split", {"x"}, {"y", "z"}, {integer("num_outputs", std::int64_t{1} << 62)})},
                             {value("x", {std::int64_t{4}})}, {"y"}, {}, 18);
  EXPECT_THAT(fault_of(source), HasSubstr("has 2 outputs, but num_outputs = 4611686018427387904"));
}

}  // namespace
}  // namespace neurons::onnx
