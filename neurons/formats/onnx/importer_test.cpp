// From nodes to a graph: names, roles, open extents, functions, and what is refused.

#include "neurons/formats/onnx/importer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;

const std::vector<ValueData> kTwoByTwo = {value("x", {std::int64_t{2}, std::int64_t{2}})};

TEST(Importer, KeepsTheFilesNames) {
  Graph graph = imported(model({node("MatMul", {"x", "w"}, {"h"}), node("Relu", {"h"}, {"y"})}, kTwoByTwo, {"y"},
                               {from_tensor("w", f32({2, 2}, {1, 2, 3, 4}))}));
  EXPECT_EQ(graph.find("h").type(), (TensorType{DType::f32, {2, 2}}));
  EXPECT_EQ(graph.info(graph.find("w").id()).kind, ValueKind::constant);
  EXPECT_EQ(graph.outputs().at(0).name, "y");
}

TEST(Importer, NodesInAnyOrder) {
  const auto results =
      run(model({node("Neg", {"h"}, {"y"}), node("Relu", {"x"}, {"h"})}, kTwoByTwo, {"y"}), {{"x", f32({2, 2}, {1, -2, 3, -4})}});
  EXPECT_EQ(results[0], f32({2, 2}, {-1, -0.0F, -3, -0.0F}));
}

TEST(Importer, AllUnknownOperatorsAreNamedAtOnce) {
  GraphData branch;
  branch.nodes = {node("Inner", {}, {"b"}, {}, "com.example")};
  branch.outputs = {value("b", {})};
  const Model source = model({node("Foo", {"x"}, {"a"}), node("Relu", {"a"}, {"b"}), node("Foo", {"b"}, {"c"}),
                              node("If", {"c"}, {"d"}, {graph("then_branch", branch)}), node("Bar", {"d"}, {"y"})},
                             kTwoByTwo, {"y"});
  EXPECT_EQ(fault_of(source), "m.onnx: uses operators that are not known here: Bar, Foo (2 nodes), com.example::Inner");
}

TEST(Importer, OpsetsOfTheFuture) {
  EXPECT_EQ(fault_of(model({node("Relu", {"x"}, {"y"})}, kTwoByTwo, {"y"}, {}, 99)),
            "m.onnx: is of opset 99; 1 to 28 can be read: export it with an older opset");
}

TEST(Importer, GraphsThatAreNone) {
  EXPECT_EQ(fault_of(model({node("Add", {"x", "b"}, {"a"}), node("Neg", {"a"}, {"b"})}, kTwoByTwo, {"b"})),
            "m.onnx: b (Neg) reads \"a\", which needs its own result: the graph goes in a circle");
  EXPECT_EQ(fault_of(model({node("Relu", {"xx"}, {"y"})}, kTwoByTwo, {"y"})),
            "m.onnx: y (Relu) reads \"xx\", which is no input, no initialiser and no node's result; did you mean \"x\"?");
  EXPECT_EQ(fault_of(model({node("Relu", {"x"}, {"y"}), node("Neg", {"x"}, {"y"})}, kTwoByTwo, {"y"})),
            "m.onnx: value \"y\" is computed twice");
  const TensorData w = from_tensor("w", f32({2}, {1, 2}));
  EXPECT_EQ(fault_of(model({node("Add", {"x", "w"}, {"y"})}, {value("x", {std::int64_t{2}})}, {"y"}, {w, w})),
            "m.onnx: initialiser \"w\" is there twice");
  EXPECT_EQ(fault_of(model({node("Relu", {"x"}, {"y"})}, kTwoByTwo, {"z"})), "m.onnx: output \"z\" is computed by nothing");
  EXPECT_EQ(fault_of(model({node("MatMul", {"x"}, {"y"})}, kTwoByTwo, {"y"})), "m.onnx: y (MatMul): takes 2 inputs, got 1");
}

TEST(Importer, AttributesThatAreWrong) {
  const auto fault = [&](const AttributeData& attribute) {
    return fault_of(model({node("Concat", {"x", "x"}, {"y"}, {attribute})}, kTwoByTwo, {"y"}));
  };
  EXPECT_THAT(fault(text("axis", "one")), ::testing::HasSubstr("y (Concat): "));
  EXPECT_THAT(fault(text("axis", "one")), ::testing::HasSubstr("axis"));
  EXPECT_THAT(fault(integer("axes", 1)), ::testing::HasSubstr("unknown option \"axes\"; did you mean \"axis\"?"));
  EXPECT_THAT(fault(integer("axis", 7)), ::testing::HasSubstr("axis 7"));
  EXPECT_EQ(fault_of(model({node("Constant", {}, {"y"}, {text("value_float", "1")})}, {}, {"y"})),
            "m.onnx: y (Constant): attribute value_float must be a number");
}

TEST(Importer, ExtentsBeyondAllMemoryAreRefusedNotTaken) {
  const std::int64_t huge = std::int64_t{1} << 62;
  EXPECT_THAT(fault_of(model({node("Relu", {"x"}, {"y"})}, {value("x", {huge, huge})}, {"y"})),
              ::testing::HasSubstr("more than 2^48 elements"));
  const auto filled = [&](std::int64_t extent) {
    return model({node("ConstantOfShape", {"shape"}, {"c"}), node("Add", {"x", "c"}, {"y"})}, {value("x", {std::int64_t{1}})},
                 {"y"}, {from_tensor("shape", i64({1}, {extent}))});
  };
  EXPECT_EQ(imported(filled(std::int64_t{1} << 46)).outputs().size(), 1U);  // 256 TiB: only described
  EXPECT_THAT(fault_of(filled(huge)), ::testing::HasSubstr("more than 2^48 elements"));
  EXPECT_THAT(fault_of(model({node("EyeLike", {"x"}, {"y"})}, {value("x", {std::int64_t{1} << 20, std::int64_t{1} << 20})}, {"y"})),
              ::testing::HasSubstr("too large"));
  EXPECT_THAT(fault_of(model({node("Range", {"a", "b", "d"}, {"y"})}, {}, {"y"},
                             {from_tensor("a", Tensor::scalar(0)), from_tensor("b", Tensor::scalar(1e30F)),
                              from_tensor("d", Tensor::scalar(1))})),
              ::testing::HasSubstr("has no end that could be stored"));
}

TEST(Importer, OpenExtents) {
  const Model source = model({node("Relu", {"x"}, {"y"})}, {value("x", {"batch", std::int64_t{3}})}, {"y"});
  EXPECT_EQ(imported(source).find("x").shape(), Shape({1, 3}));
  EXPECT_EQ(imported(source, {.shapes = {{"x", Shape({5, 3})}}}).find("y").shape(), Shape({5, 3}));
}

TEST(Importer, InputsKnownNow) {
  const Model source =
      model({node("Reshape", {"x", "shape"}, {"y"})}, {kTwoByTwo[0], value("shape", {std::int64_t{1}}, ElementType::i64)}, {"y"});
  EXPECT_EQ(fault_of(source),
            "m.onnx: y (Reshape): its shape (\"shape\") is known only when the model runs; shapes must be known before");
  EXPECT_EQ(imported(source, {.known = {{"shape", i64({1}, {4})}}}).find("y").shape(), Shape({4}));
}

TEST(Importer, ShapesThatFollowFromShapes) {
  const Model source =
      model({node("Shape", {"x"}, {"s"}), node("Gather", {"s", "zero"}, {"rows"}), node("Unsqueeze", {"rows", "axes"}, {"r"}),
             node("Concat", {"r", "minus"}, {"shape"}, {integer("axis", 0)}), node("Reshape", {"x", "shape"}, {"y"})},
            {value("x", {std::int64_t{2}, std::int64_t{3}, std::int64_t{4}})}, {"y"},
            {from_tensor("zero", i64({}, {0})), from_tensor("axes", i64({1}, {0})), from_tensor("minus", i64({1}, {-1}))});
  Graph graph = imported(source);
  EXPECT_EQ(graph.find("y").shape(), Shape({2, 12}));
  EXPECT_EQ(graph.nodes().size(), 1U) << "what is known is computed at import";
}

TEST(Importer, InitialisersHaveRoles) {
  const Model source =
      model({node("BatchNormalization", {"x", "scale", "bias", "mean", "variance"}, {"n"}), node("Reshape", {"n", "shape"}, {"r"}),
             node("Gemm", {"r", "w"}, {"g"}), node("Mul", {"g", "two"}, {"y"})},
            {value("x", {std::int64_t{1}, std::int64_t{2}, std::int64_t{2}})}, {"y"},
            {from_tensor("scale", f32({2}, {1, 1})), from_tensor("bias", f32({2}, {0, 0})), from_tensor("mean", f32({2}, {0, 0})),
             from_tensor("variance", f32({2}, {1, 1})), from_tensor("shape", i64({2}, {1, 4})),
             from_tensor("w", Tensor(DType::f32, {4, 3})), from_tensor("two", Tensor::scalar(2))});
  std::map<std::string, Role> roles;
  Graph graph(ops::table());
  const ReadBack back(source);
  ImportOptions options;
  options.initializer = [&](Graph& into, const TensorData& data, const TensorType& type, Role role) {
    roles[data.name] = role;
    return into.state(data.name, type);
  };
  options.trains_statistic = [](const std::string& name) { return name == "mean"; };
  Importer importer(back.model, graph, std::move(options));
  importer.run();
  const std::map<std::string, Role> expected = {{"scale", Role::parameter},
                                                {"bias", Role::parameter},
                                                {"w", Role::parameter},
                                                {"mean", Role::statistic},
                                                {"variance", Role::statistic}};
  EXPECT_EQ(roles, expected);
  EXPECT_EQ(graph.assignments().size(), 2U);
}

TEST(Importer, DoublePrecisionStaysUnlessAsked) {
  const Model source = model({node("Add", {"x", "c"}, {"y"})}, {value("x", {std::int64_t{1}}, ElementType::f64)}, {"y"},
                             {from_tensor("c", Tensor::of<double>({1}, {1e-12}))});
  EXPECT_EQ(run(source, {{"x", Tensor::of<double>({1}, {1})}})[0], Tensor::of<double>({1}, {1 + 1e-12}));
  EXPECT_EQ(imported(source, {.single_precision = true}).find("y").type().dtype, DType::f32);
}

TEST(Importer, FunctionsTakeAttributesOfTheirCaller) {
  FunctionData leak = function("Leak", {node("LeakyRelu", {"a"}, {"b"}, {of_caller("alpha", AttributeData::Type::real, "slope")})});
  leak.defaults = {real("slope", 0.5F)};
  FunctionData twice =
      function("Twice", {node("Leak", {"a"}, {"c"}, {real("slope", 0.25F)}, "test"), node("Leak", {"c"}, {"b"}, {}, "test")});
  Model source = model({node("Twice", {"x"}, {"y"}, {}, "test")}, kTwoByTwo, {"y"});
  source.functions = {leak, twice};
  EXPECT_EQ(run(source, {{"x", f32({2, 2}, {8, -8, 0, -16})}})[0], f32({2, 2}, {8, -1, 0, -2}));
}

TEST(Importer, FunctionsWithoutEnd) {
  Model source = model({node("Again", {"x"}, {"y"}, {}, "test")}, kTwoByTwo, {"y"});
  source.functions = {function("Again", {node("Again", {"a"}, {"b"}, {}, "test")})};
  EXPECT_THAT(fault_of(source), ::testing::HasSubstr("the function calls itself"));
  source.functions = functions_without_end("Relu");
  source.graph.nodes = {node("F8", {"x"}, {"y"}, {}, "test")};
  EXPECT_THAT(fault_of(source), ::testing::HasSubstr("nodes once functions are called and loops unrolled"));
}

}  // namespace
}  // namespace neurons::onnx
