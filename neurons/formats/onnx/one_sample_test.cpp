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

TEST(OneSample, StatesAlongTheirOwnAxis) {
  Model found = model({node("GRU", {"x", "w", "r", "", "", "h"}, {"y"}, {integer("hidden_size", 2)})},
                      {value("x", {std::int64_t{3}, std::int64_t{2}, std::int64_t{1}})}, {"y"},
                      {from_tensor("w", Tensor(DType::f32, {1, 6, 1})), from_tensor("r", Tensor(DType::f32, {1, 6, 2})),
                       from_tensor("h", f32({1, 3, 2}, {1, 2, 1, 2, 1, 2}))},
                      14);
  keep_one_sample(found);
  EXPECT_EQ(to_tensor(found.graph.initializers[2], ""), f32({1, 1, 2}, {1, 2}));
}

}  // namespace
}  // namespace neurons::onnx
