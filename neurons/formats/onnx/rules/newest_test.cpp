// Operators of opsets 27 and 28 and of integer products, against what ONNX's reference (onnx 1.23.2) gives.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr std::int64_t kOpset = 28;

/// The outputs y and s of a node whose inputs are these.
std::vector<Tensor> results_of(const NodeData& only, const std::map<std::string, Tensor>& given) {
  std::vector<ValueData> inputs;
  for (const auto& [name, tensor] : given) {
    const auto extents = tensor.shape().extents();
    inputs.push_back(value(name, {extents.begin(), extents.end()}));
  }
  return run(model({only}, inputs, only.outputs, {}, kOpset), given);
}

void expect_near(const Tensor& actual, const Shape& shape, const std::vector<float>& expected) {
  ASSERT_EQ(actual.type(), (TensorType{DType::f32, shape}));
  EXPECT_THAT(actual.values<float>(), Pointwise(FloatNear(1e-5F), expected));
}

TEST(Newest, SwiGlu) {
  const NodeData gate = node("SwiGLU", {"a", "b"}, {"y"}, {real("alpha", 2)});
  const auto y = results_of(gate, {{"a", f32({3}, {-1, 0.5F, 2})}, {"b", f32({3}, {3, -2, 1})}});
  expect_near(y[0], {3}, {-0.3576088F, -0.7310586F, 1.9640275F});
  EXPECT_THAT(fault_of(model({gate}, {value("a", {3}), value("b", {1})}, {"y"}, {}, kOpset)), HasSubstr("its values f32[1]"));
}

TEST(Newest, CausalConvWithState) {
  const std::map<std::string, Tensor> given = {{"x", f32({1, 2, 3}, {1, 2, 3, -1, 0, 2})},
                                               {"w", f32({2, 1, 3}, {1, -1, 0.5F, 2, 1, 0})},
                                               {"b", f32({2}, {0.5F, -1})},
                                               {"p", f32({1, 2, 2}, {4, 5, 6, 7})}};
  const auto all = results_of(node("CausalConvWithState", {"x", "w", "b", "p"}, {"y", "s"}, {text("activation", "silu")}), given);
  expect_near(all[0], {1, 2, 3}, {0, 5.4776144F, 0.7310586F, 18, 11.9999256F, -0.1422776F});
  expect_near(all[1], {1, 2, 2}, {2, 3, 0, 2});
  const auto plain = results_of(node("CausalConvWithState", {"x", "w"}, {"y", "s"}), {{"x", given.at("x")}, {"w", given.at("w")}});
  expect_near(plain[0], {1, 2, 3}, {0.5F, 0, 0.5F, 0, -1, -2});
}

/// What is said of a node whose inputs have these shapes.
std::string fault_with(const NodeData& only, const std::vector<std::vector<Dim>>& shapes) {
  std::vector<ValueData> inputs;
  for (std::size_t i = 0; i < shapes.size(); ++i) inputs.push_back(value(only.inputs[i], shapes[i]));
  std::erase_if(inputs, [](const ValueData& input) { return input.name.empty(); });
  return fault_of(model({only}, inputs, {"y"}, {}, kOpset));
}

std::vector<Dim> extents_of(std::initializer_list<std::int64_t> extents) { return {extents.begin(), extents.end()}; }

TEST(Newest, CausalConvThatDoesNotFit) {
  const auto fault = [](std::vector<std::vector<Dim>> shapes, const std::string& activation = "none") {
    return fault_with(node("CausalConvWithState", {"x", "w", "", "p"}, {"y", "s"}, {text("activation", activation)}), shapes);
  };
  const auto x = extents_of({1, 2, 3});
  const auto w = extents_of({2, 1, 3});
  EXPECT_EQ(fault({x, w, {}, extents_of({1, 2, 2})}), "");
  EXPECT_THAT(fault({x, w, {}, extents_of({1, 2, 1})}), HasSubstr("its past is [1, 2, 1], expected [1, 2, 2]"));
  EXPECT_THAT(fault({x, extents_of({2, 3}), {}, x}), HasSubstr("expects an input and weights of three axes"));
  EXPECT_THAT(fault({x, extents_of({2, 1, 0}), {}, x}), HasSubstr("its weights have no steps"));
  EXPECT_THAT(fault({x, w, {}, x}, "relu"), HasSubstr("activation = \"relu\", expected"));
}

TEST(Newest, LinearAttentionThatDoesNotFit) {
  const auto fault = [](std::vector<std::vector<Dim>> shapes, const std::string& rule = "gated_delta", std::int64_t heads = 1) {
    return fault_with(node("LinearAttention", {"q", "k", "v", "p", "d", "b"}, {"y", "s"},
                           {text("update_rule", rule), integer("q_num_heads", 2), integer("kv_num_heads", heads)}),
                      shapes);
  };
  const auto q = extents_of({1, 2, 4});
  const auto k = extents_of({1, 2, 2});
  const auto p = extents_of({1, 1, 2, 2});
  const auto one = extents_of({1, 2, 1});
  EXPECT_EQ(fault({q, k, k, p, one, one}), "");
  EXPECT_THAT(fault({q, k, k, p, extents_of({1, 3, 1}), one}), HasSubstr("its decay is [1, 3, 1], expected [1, 2,"));
  EXPECT_THAT(fault({q, k, k, p, one, extents_of({1, 1, 1})}), HasSubstr("its beta is [1, 1, 1], expected [1, 2,"));
  EXPECT_THAT(fault({q, k, k, extents_of({1, 1, 1, 1}), one, one}), HasSubstr("its past is [1, 1, 1, 1], expected [1, 1, 2, 2]"));
  EXPECT_THAT(fault({extents_of({1, 3, 4}), k, k, p, one, one}), HasSubstr("must be of one batch and as many steps"));
  EXPECT_THAT(fault({q, k, extents_of({1, 3, 2}), p, one, one}), HasSubstr("must be of one batch and as many steps"));
  EXPECT_THAT(fault({q, k, extents_of({2, 2}), p, one, one}), HasSubstr("[batch, time, heads"));
  EXPECT_THAT(fault({q, k, k, p, one, one}, "gated_delta", 3), HasSubstr("2 heads of queries and 3 of keys do not fit"));
  EXPECT_THAT(fault({q, k, k, p, one, one}, "other"), HasSubstr("update_rule = \"other\" is not known"));
  const auto none = extents_of({1, 0, 2});
  EXPECT_THAT(fault({extents_of({1, 0, 4}), none, none, p, one, one}, "linear"), HasSubstr("has no steps"));
  const auto many = extents_of({1, 5000, 2});
  EXPECT_THAT(fault({extents_of({1, 5000, 4}), many, many, p, one, one}, "linear"),
              HasSubstr("has 5000 steps; up to 4096 are unrolled"));
}

TEST(Newest, LinearAttentionByEachRule) {
  const std::map<std::string, Tensor> all = {{"q", f32({1, 2, 4}, {1, 2, 0.5F, -1, 1, 0, 2, 1})},
                                             {"k", f32({1, 2, 2}, {1, 0.5F, -1, 0.5F})},
                                             {"v", f32({1, 2, 2}, {2, -1, 0.5F, 1})},
                                             {"d", f32({1, 2, 1}, {-0.5F, -0.25F})},
                                             {"be", f32({1, 2, 1}, {0.5F, 1})}};
  const auto attended = [&](const std::string& rule, const std::string& decay, const std::string& beta) {
    const NodeData attention = node("LinearAttention", {"q", "k", "v", "", decay, beta}, {"y", "s"},
                                    {text("update_rule", rule), integer("q_num_heads", 2), integer("kv_num_heads", 1)});
    std::map<std::string, Tensor> given;
    for (const std::string& name : attention.inputs) {
      if (!name.empty()) given.emplace(name, all.at(name));
    }
    return results_of(attention, given);
  };
  const auto linear = attended("linear", "", "");
  expect_near(linear[0], {1, 2, 4}, {2.8284271F, -1.4142135F, 0, 0, 1.0606601F, -1.4142135F, 3.0052037F, -2.8284271F});
  expect_near(linear[1], {1, 1, 2, 2}, {1.5F, -2, 1.25F, 0});
  const auto gated = attended("gated", "d", "");
  expect_near(gated[0], {1, 2, 4}, {2.8284271F, -1.4142135F, 0, 0, 0.7478372F, -1.2578020F, 2.2231462F, -2.4373984F});
  expect_near(gated[1], {1, 1, 2, 2}, {1.0576015F, -1.7788007F, 1.0288007F, 0.1105996F});
  const auto delta = attended("delta", "", "be");
  expect_near(delta[0], {1, 2, 4}, {1.4142135F, -0.7071068F, 0, 0, -0.1767767F, -0.7954952F, 0.4419417F, -1.5467961F});
  expect_near(delta[1], {1, 1, 2, 2}, {-0.25F, -1.125F, 1.125F, 0.0625F});
  const auto both = attended("gated_delta", "d", "be");
  expect_near(both[0], {1, 2, 4}, {1.4142135F, -0.7071068F, 0, 0, -0.2158795F, -0.7759437F, 0.2268760F, -1.4392633F});
  expect_near(both[1], {1, 1, 2, 2}, {-0.3052998F, -1.0973501F, 0.9314506F, 0.1592747F});
}

}  // namespace
}  // namespace neurons::onnx
