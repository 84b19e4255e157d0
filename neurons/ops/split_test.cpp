#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/ops/testing.hpp"

namespace neurons::ops::testing {
namespace {

/// Of a split of [2, 6] along the last axis.
std::string complaint(std::int64_t parts) {
  return neurons::testing::message_of([&] {
    Graph graph(table());
    const OpDef& split = graph.table()->find("Split");
    const std::vector<Value> inputs = {graph.input("x", {DType::f32, {2, 6}})};
    graph.emit_all(split, inputs, split.default_options.with({{"axis", std::int64_t{1}}, {"num_outputs", parts}}));
  });
}

TEST(Split, MakesNoMorePartsThanThereAreElements) {
  EXPECT_EQ(complaint(6), "nothing thrown");
  EXPECT_THAT(complaint(7), ::testing::HasSubstr("num_outputs = 7: axis 1 has only 6 elements to split"));
  EXPECT_THAT(complaint(std::int64_t{1} << 62), ::testing::HasSubstr("axis 1 has only 6 elements"));
}

}  // namespace
}  // namespace neurons::ops::testing
