#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/graph/graph.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

Shape shape_of(const std::string& equation, const std::vector<Shape>& shapes) {
  Graph graph(ops::table());
  std::vector<Value> inputs;
  for (const Shape& shape : shapes) inputs.push_back(graph.input("x" + std::to_string(inputs.size()), {DType::f32, shape}));
  const OpDef& op = graph.table()->find("Einsum");
  return graph.emit_all(op, inputs, op.default_options.with({{"equation", equation}})).front().shape();
}

TEST(Einsum, ExtentsOfOneBroadcast) {
  EXPECT_EQ(shape_of("ij,ij->ij", {{1, 3}, {2, 3}}), Shape({2, 3}));
  EXPECT_EQ(shape_of("ij,kj->ikj", {{2, 1}, {3, 4}}), Shape({2, 3, 4}));
  EXPECT_EQ(shape_of("i,ij,i->i", {{1}, {3, 4}, {1}}), Shape({3}));
  EXPECT_EQ(shape_of("ij->i", {{1, 3}}), Shape({1}));
}

TEST(Einsum, OthersDoNot) {
  const auto refusal = [](const std::string& equation, const std::vector<Shape>& shapes) {
    return message_of([&] { shape_of(equation, shapes); });
  };
  EXPECT_THAT(refusal("ij,jk->ik", {{2, 3}, {4, 5}}), HasSubstr("\"ij,jk->ik\": the axis \"j\" has 3 and 4 elements"));
  EXPECT_THAT(refusal("...i,...i->i", {{2, 3}, {4, 3}}), HasSubstr("has 2 and 4 elements"));
  for (const Shape& shape : {Shape{1, 3}, Shape{3, 1}}) {  // numpy and ONNX Runtime refuse such a diagonal, too
    EXPECT_THAT(refusal("ii->i", {shape}), HasSubstr(fmt::format("the axis \"i\" has {} and {} elements", shape[0], shape[1])));
  }
}

TEST(Einsum, RefusesEquationsThatDoNotFit) {
  const auto refusal = [](const std::string& equation, const std::vector<Shape>& shapes) {
    return message_of([&] { shape_of(equation, shapes); });
  };
  EXPECT_THAT(refusal("ij,jk->ik", {{2, 3}}), HasSubstr("\"ij,jk->ik\": the equation has more terms than the 1 inputs"));
  EXPECT_THAT(refusal("ij->i", {{2, 3}, {3, 4}}), HasSubstr("the equation has 1 terms for 2 inputs"));
  EXPECT_THAT(refusal("ij->ik", {{2, 3}}), HasSubstr("the result's axis \"k\" is in no term"));
  EXPECT_THAT(refusal("ij->ii", {{2, 3}}), HasSubstr("the result names the axis \"i\" twice"));
  EXPECT_THAT(refusal("i->i", {{2, 3}}), HasSubstr("the term \"i\" does not fit 2 axes"));
  EXPECT_THAT(refusal("ijk...->i", {{2, 3}}), HasSubstr("the term \"ijk...\" does not fit 2 axes"));
  EXPECT_THAT(refusal("i1->i", {{2, 3}}), HasSubstr("the term \"i1\" names axes by letters"));
}

}  // namespace
}  // namespace neurons
