#include "neurons/formats/onnx/parity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;

/// y = -relu(x)²
Model three_steps() {
  Model result = model({node("Relu", {"x"}, {"r"}), node("Mul", {"r", "r"}, {"s"}), node("Neg", {"s"}, {"y"})},
                       {value("x", {std::int64_t{2}, std::int64_t{2}})}, {"y"});
  result.graph.nodes[1].name = "square";
  return result;
}

std::map<std::string, Tensor> recording() {
  return {{"x", f32({2, 2}, {1, -2, 3, 4})},
          {"r", f32({2, 2}, {1, 0, 3, 4})},
          {"s", f32({2, 2}, {1, 0, 9, 16})},
          {"y", f32({2, 2}, {-1, 0, -9, -16})}};
}

Parity compared(const std::map<std::string, Tensor>& recorded) {
  const ReadBack back(three_steps());
  return compare(back.model, ops::table(), recorded);
}

TEST(Parity, AllAgree) {
  const Parity found = compared(recording());
  ASSERT_EQ(found.values.size(), 3U);
  EXPECT_EQ(to_string(found.values[0]), "r (Relu) gives \"r\": all 4 elements agree");
  EXPECT_EQ(found.values[1].node, "square (Mul)");
  EXPECT_EQ(found.values[2].value, "y");
  for (const ValueParity& value : found.values) EXPECT_TRUE(value.agrees) << value.value;
}

TEST(Parity, TheFirstLayerThatDiffersInPlainWords) {
  auto recorded = recording();
  recorded["s"] = f32({2, 2}, {1, 0, 10, 16});
  const Parity found = compared(recorded);
  EXPECT_TRUE(found.values[0].agrees);
  EXPECT_EQ(to_string(found.values[1]),
            "square (Mul) gives \"s\": 1 of 4 elements differ, the largest by 10% at [1, 0]: 9 here, 10 there");
}

TEST(Parity, RoundingOfTermsThatCancelIsNoDifference) {
  Model means = model({node("ReduceMean", {"x"}, {"m"}, {integers("axes", {0})}), node("Neg", {"m"}, {"y"})},
                      {value("x", {std::int64_t{2}})}, {"y"});
  const ReadBack back(means);
  const auto agree = [&](float there) {
    return compare(back.model, ops::table(), {{"x", f32({2}, {3, -3})}, {"m", f32({1}, {there})}}).values[0].agrees;
  };
  EXPECT_TRUE(agree(2e-6F));
  EXPECT_FALSE(agree(4e-6F));
  EXPECT_FALSE(compare(back.model, ops::table(), {{"x", f32({2}, {3, -3})}, {"y", f32({1}, {2e-6F})}}).values[0].agrees)
      << "no sum of terms that were recorded";
}

TEST(Parity, NumbersThatAreNotFinite) {
  auto recorded = recording();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  recorded["y"] = f32({2, 2}, {-1, 0, nan, -16});
  EXPECT_EQ(to_string(compared(recorded).values[2]),
            "y (Neg) gives \"y\": 1 of 4 elements differ, the largest by no finite number at [1, 0]: -9 here, nan there");
  recorded["x"] = f32({2, 2}, {nan, -2, 3, 4});
  recorded["r"] = f32({2, 2}, {nan, 0, 3, 4});
  EXPECT_TRUE(compared(recorded).values[0].agrees) << "the same NaN on both sides";
}

TEST(Parity, ShapesAndInputs) {
  auto recorded = recording();
  recorded["r"] = f32({4}, {1, 0, 3, 4});
  EXPECT_EQ(to_string(compared(recorded).values[0]), "r (Relu) gives \"r\", which is [2, 2] here, [4] there");
  recorded.erase("x");
  recorded["xx"] = f32({2, 2}, {1, 2, 3, 4});
  try {
    compared(recorded);
    FAIL() << "there was no input";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "the recording has no input \"x\"; did you mean \"xx\"?");
  }
}

TEST(Parity, AllValuesAsOutputs) {
  const ReadBack back(with_all_outputs(three_steps()));
  std::vector<std::string> names;
  for (const ValueData& output : back.model.graph.outputs) names.push_back(output.name);
  EXPECT_THAT(names, ::testing::ElementsAre("y", "r", "s"));
  EXPECT_EQ(format(back.model), back.bytes);
}

}  // namespace
}  // namespace neurons::onnx
