#include "neurons/formats/onnx/known_part.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::HasSubstr;

/// Outputs "scores", from w, and "magic", from v by two operators that nobody knows.
Model two_heads() {
  return model({node("MatMul", {"x", "w"}, {"h"}), node("Relu", {"h"}, {"scores"}), node("Enchant", {"h"}, {"m"}),
                node("Add", {"m", "v"}, {"n"}), node("Vanish", {"n"}, {"magic"}, {}, "com.magic")},
               {value("x", {std::string("batch"), std::int64_t{2}})}, {"magic", "scores"},
               {from_tensor("w", f32({2, 2}, {1, 2, 3, 4})), from_tensor("v", f32({2}, {1, 2}))});
}

TEST(KnownPart, LeavesOutOutputsThatNeedUnknownOperators) {
  const Model part = known_part(two_heads(), *ops::table());
  ASSERT_EQ(part.graph.outputs.size(), 1U);
  EXPECT_EQ(part.graph.outputs[0].name, "scores");
  EXPECT_EQ(part.graph.nodes.size(), 2U);
  EXPECT_EQ(part.graph.initializers.size(), 1U);
  EXPECT_EQ(part.left_out,
            "the output \"magic\" is left out: it uses operators that are not known here: Enchant, com.magic::Vanish");
  EXPECT_EQ(run(part, {{"x", f32({1, 2}, {1, -1})}})[0], f32({1, 2}, {0, 0}));
}

TEST(KnownPart, ChangesNothingWhereThatHelpsNobody) {
  EXPECT_EQ(known_part(two_heads(), *ops::table(), "magic").graph.outputs.size(), 2U) << "whose import tells what is missing";
  Model known = two_heads();
  known.graph.nodes.resize(2);
  known.graph.outputs.erase(known.graph.outputs.begin());
  EXPECT_EQ(known_part(known, *ops::table()).left_out, "");
  EXPECT_EQ(known_part(known, *ops::table()).graph.initializers.size(), 2U);
  Model lost = two_heads();
  lost.graph.outputs.pop_back();
  EXPECT_THAT(fault_of(known_part(lost, *ops::table())), HasSubstr("not known here: Enchant, com.magic::Vanish"));
}

TEST(KnownPart, NetworksAreMadeOfIt) {
  const Network network = to_network(std::make_shared<const Model>(known_part(two_heads(), *ops::table())));
  EXPECT_EQ(network.outputs().front().name, "scores");
  EXPECT_THAT(left_out_of(network), HasSubstr("\"magic\" is left out"));
  const Model saved = to_model(network);
  ASSERT_EQ(saved.graph.outputs.size(), 1U);
  EXPECT_EQ(saved.graph.initializers.size(), 1U);
  EXPECT_EQ(left_out_of(Network{}), "");
}

}  // namespace
}  // namespace neurons::onnx
