#include "neurons/formats/onnx/one_sample.hpp"

#include <gtest/gtest.h>

#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;

/// For batches of two: a token before two steps, and the sum of all.
Model with_token(const Tensor& token) {
  return model({node("Concat", {"token", "x"}, {"steps"}, {integer("axis", 1)}),
                node("ReduceSum", {"steps"}, {"y"}, {integers("axes", {1}), integer("keepdims", 0)})},
               {value("x", {std::int64_t{2}, std::int64_t{2}, std::int64_t{1}})}, {"y"}, {from_tensor("token", token)}, 11);
}

TEST(OneSample, WhatIsTheSameForAllServesAnyBatch) {
  Model found = with_token(f32({2, 1, 1}, {5, 5}));
  EXPECT_EQ(written_batch(found.graph), 2);
  const Network network = to_network(std::make_shared<const Model>(found));
  EXPECT_EQ(network.parameter("token"), f32({1, 1, 1}, {5}));
  const Model saved = to_model(network);
  EXPECT_EQ(run(saved, {{"x", f32({3, 2, 1}, {1, 2, 3, 4, 5, 6})}}, {.shapes = {{"x", {3, 2, 1}}}})[0], f32({3, 1}, {8, 12, 16}));
  keep_one_sample(found);
  EXPECT_EQ(found.graph.initializers[0].dims, (std::vector<std::int64_t>{1, 1, 1}));
}

TEST(OneSample, WhatIsNotStays) {
  Model found = with_token(f32({2, 1, 1}, {5, 6}));
  keep_one_sample(found);
  EXPECT_EQ(found.graph.initializers[0].dims, (std::vector<std::int64_t>{2, 1, 1}));
  Model open = with_token(f32({2, 1, 1}, {5, 5}));
  open.graph.inputs[0].dims->front() = std::string("batch");
  EXPECT_EQ(written_batch(open.graph), 0);
  keep_one_sample(open);
  EXPECT_EQ(open.graph.initializers[0].dims, (std::vector<std::int64_t>{2, 1, 1}));
}

TEST(OneSample, ShapesWithStepsFirst) {
  // [time, 1, batch, features] as [time, batch, features], with five heads, and back.
  for (const std::int64_t batch : {1, 2}) {
    const Model source = model(
        {node("Transpose", {"x"}, {"steps"}, {integers("perm", {1, 0, 2})}), node("Reshape", {"steps", "four"}, {"a"}),
         node("Reshape", {"a", "three"}, {"b"}), node("Reshape", {"b", "heads"}, {"c"}), node("Reshape", {"c", "three"}, {"y"})},
        {value("x", {batch, std::int64_t{6}, std::int64_t{20}})}, {"y"},
        {from_tensor("four", i64({4}, {6, batch, 1, 20})), from_tensor("three", i64({3}, {6, batch, 20})),
         from_tensor("heads", i64({3}, {6, 5 * batch, 4}))});
    const Model saved = to_model(to_network(std::make_shared<const Model>(source)));
    Tensor x(DType::f32, {3, 6, 20});
    for (std::size_t i = 0; i < 360; ++i) x.values<float>()[i] = static_cast<float>(i);
    const Tensor y = run(saved, {{"x", x}}, {.shapes = {{"x", {3, 6, 20}}}})[0];
    ASSERT_EQ(y.shape(), (Shape{6, 3, 20})) << batch;
    EXPECT_EQ(y.values<float>()[20], 120);
  }
}

TEST(OneSample, BatchesThatAreNotTheFirstAxis) {
  const Model source = model({node("Transpose", {"x"}, {"steps"}, {integers("perm", {1, 0, 2})}),
                              node("Reshape", {"steps", "split"}, {"parts"}), node("Reshape", {"parts", "joined"}, {"y"})},
                             {value("x", {std::int64_t{2}, std::int64_t{3}, std::int64_t{4}})}, {"y"},
                             {from_tensor("split", i64({4}, {3, 2, 4, 1})), from_tensor("joined", i64({3}, {3, 2, -1}))});
  const Model saved = to_model(to_network(std::make_shared<const Model>(source)));
  Tensor x(DType::f32, {5, 3, 4});
  for (std::size_t i = 0; i < 60; ++i) x.values<float>()[i] = static_cast<float>(i);
  const Tensor y = run(saved, {{"x", x}}, {.shapes = {{"x", {5, 3, 4}}}})[0];
  ASSERT_EQ(y.shape(), (Shape{3, 5, 4}));
  EXPECT_EQ(y.values<float>()[4], 12);
}

TEST(OneSample, StatesAlongTheirOwnAxis) {
  Model found = model({node("GRU", {"x", "w", "r", "", "", "h"}, {"y"}, {integer("hidden_size", 2)})},
                      {value("x", {std::int64_t{3}, std::int64_t{2}, std::int64_t{1}})}, {"y"},
                      {from_tensor("w", Tensor(DType::f32, {1, 6, 1})), from_tensor("r", Tensor(DType::f32, {1, 6, 2})),
                       from_tensor("h", f32({1, 3, 2}, {1, 2, 1, 2, 1, 2}))},
                      14);
  keep_one_sample(found);
  EXPECT_EQ(to_tensor(found.graph.initializers[2], ""), f32({1, 1, 2}, {1, 2}));
  // Expanded before: two directions and a batch of two.
  Model both = model({node("Expand", {"h", "shape"}, {"states"}),
                      node("GRU", {"x", "w", "r", "", "", "states"}, {"y"}, {text("direction", "bidirectional")})},
                     {value("x", {std::int64_t{3}, std::int64_t{2}, std::int64_t{1}})}, {"y"},
                     {from_tensor("h", Tensor(DType::f32, {2, 2, 2}))}, 14);
  both.graph.inputs[0].dims->front() = std::int64_t{2};
  keep_one_sample(both);
  EXPECT_EQ(both.graph.initializers[0].dims, (std::vector<std::int64_t>{2, 1, 2}));
  both.graph.nodes.pop_back();
  both.graph.initializers[0] = from_tensor("h", Tensor(DType::f32, {2, 2, 2}));
  keep_one_sample(both);
  EXPECT_EQ(both.graph.initializers[0].dims, (std::vector<std::int64_t>{2, 2, 2})) << "which axis it is, nobody knows";
}

}  // namespace
}  // namespace neurons::onnx
