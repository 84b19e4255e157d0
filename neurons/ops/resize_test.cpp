#include "neurons/ops/common/resize.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/graph/gradients.hpp"
#include "neurons/graph/rewrite.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons::ops {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> ops_of(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) names.push_back(node.op->name);
  return names;
}

TEST(Resize, LooksAtNoPlacesAlongAxesThatItDoesNotMove) {
  constexpr std::int64_t kBatch = std::int64_t{1} << 42;
  for (const std::string mode : {"nearest", "linear", "cubic"}) {
    SCOPED_TRACE(mode);
    Graph graph(table());
    const Value x = graph.input("x", {DType::f32, {kBatch, 2, 2, 2}});
    const Value y = emit_with("Resize", {x}, {{"mode", mode}, {"scales", std::vector<double>{1, 1, 2, 2}}});
    const Value dx = gradients(y, std::vector<Value>{x}, graph.input("dy", y.type())).front();
    graph.output("y", y);
    graph.output("dx", dx);
    EXPECT_THAT(ops_of(simplify(graph)),
                ElementsAre("ToChannelsLast", "Resize", "ToChannelsFirst", "ToChannelsLast", "ResizeGradient", "ToChannelsFirst"));
  }
}

TEST(Resize, IsTheIdentityAlongAxesThatNobodyResizes) {
  constexpr std::int64_t kMany = std::int64_t{1} << 25;  // more than single precision, of which the nearest is found, can count
  EXPECT_TRUE(is_identity({kMany, kMany}, {}));
  EXPECT_TRUE(is_identity({4, 4}, {.mode = "cubic", .coordinate_transformation_mode = "align_corners", .antialias = true}));
  EXPECT_TRUE(is_identity({4, 4}, {.mode = "linear", .coordinate_transformation_mode = "tf_crop_and_resize"}));
  EXPECT_FALSE(is_identity({4, 4, 1, 0.25}, {.mode = "linear", .coordinate_transformation_mode = "tf_crop_and_resize"}));
  EXPECT_FALSE(is_identity({4, 4, 1.2}, {.mode = "linear"}));
  EXPECT_FALSE(is_identity({4, 4}, {.mode = "linear", .coordinate_transformation_mode = "tf_half_pixel_for_nn"}));
  EXPECT_FALSE(is_identity({4, 8, 2}, {}));
}

}  // namespace
}  // namespace neurons::ops
