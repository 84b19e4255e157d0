// Windows that make no sense: what convolutions and pools say of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/ops/testing.hpp"

namespace neurons::ops::testing {
namespace {

using ::testing::HasSubstr;
using List = std::vector<std::int64_t>;

constexpr std::int64_t kHuge = std::int64_t{1} << 62;

/// Of an op on x [2, 3, 8, 8] (and w [3, 4, 3, 3], which fits a ConvTranspose, or as given) with one attribute.
std::string complaint(const char* op, Attributes attributes, const Shape& w = {3, 4, 3, 3}) {
  return neurons::testing::message_of([&] {
    Graph graph(table());
    std::vector<Value> inputs{graph.input("x", {DType::f32, {2, 3, 8, 8}})};
    if (std::string_view(op).starts_with("Conv")) inputs.push_back(graph.input("w", {DType::f32, w}));
    const OpDef& def = graph.table()->find(op);
    graph.emit_all(def, inputs, def.default_options.with(attributes));
  });
}

TEST(Window, IsRefusedWhereItsNumbersAreOutOfRange) {
  const Shape w{4, 3, 3, 3};
  EXPECT_THAT(complaint("Conv", {{"strides", List{0, 1}}}, w), HasSubstr("strides holds 0, expected at least 1"));
  EXPECT_THAT(complaint("Conv", {{"pads", List{0, 0, -1, 0}}}, w), HasSubstr("pads holds -1, expected at least 0"));
  EXPECT_THAT(complaint("Conv", {{"pads", List{kHuge, 0, kHuge, 0}}}, w),
              HasSubstr("pads holds 4611686018427387904, expected at most 2147483648"));
  EXPECT_THAT(complaint("Conv", {{"dilations", List{kHuge, 1}}}, w), HasSubstr("dilations holds 4611686018427387904"));
  EXPECT_THAT(complaint("Conv", {{"auto_pad", "SAME_UPPER"}, {"strides", List{INT64_MAX, 1}}}, w),
              HasSubstr("strides holds 9223372036854775807"));
  EXPECT_THAT(
      complaint("MaxPool", {{"kernel_shape", List{std::int64_t{1} << 32, 2}}, {"dilations", List{std::int64_t{1} << 32, 1}}}),
      HasSubstr("kernel_shape holds 4294967296, expected at most 2147483648"));
  EXPECT_THAT(complaint("AveragePool", {{"kernel_shape", List{2, 2}}, {"pads", List{kHuge, 0, kHuge, 0}}}),
              HasSubstr("pads holds 4611686018427387904"));
}

TEST(Window, IsRefusedWhereItsListsDoNotFit) {
  const Shape w{4, 3, 3, 3};
  EXPECT_THAT(complaint("Conv", {{"strides", List{1}}}, w), HasSubstr("strides has 1 entries, expected 2"));
  EXPECT_THAT(complaint("Conv", {{"pads", List{1, 1}}}, w), HasSubstr("pads has 2 entries, expected 4"));
  EXPECT_THAT(complaint("Conv", {{"kernel_shape", List{5, 3}}}, w),
              HasSubstr("kernel_shape [5, 3] differs from the weights' [3, 3]"));
  EXPECT_THAT(complaint("Conv", {{"auto_pad", "SAME"}}, w),
              HasSubstr("auto_pad = \"SAME\", expected NOTSET, VALID, SAME_UPPER or SAME_LOWER"));
  EXPECT_THAT(complaint("MaxPool", {{"kernel_shape", List{2}}}), HasSubstr("the kernel has 1 axes, the input has 2 spatial ones"));
}

TEST(Window, MayBeAsLargeAsItsNumbers) {
  const std::int64_t most = std::int64_t{1} << 31;
  EXPECT_THAT(complaint("MaxPool", {{"kernel_shape", List{most, most}}, {"dilations", List{most, 1}}}),
              HasSubstr("a kernel that spans 4611686016279904257 does not fit in 8 inputs and 0 of padding"));
  EXPECT_EQ(complaint("Conv", {{"strides", List{most, most}}}, {4, 3, 3, 3}), "nothing thrown");
}

TEST(Window, RoundedUpMayEndOutside) {
  const auto complaint_of = [](const List& kernel) {
    return complaint("MaxPool", {{"kernel_shape", kernel}, {"strides", List{2, 2}}, {"ceil_mode", true}});
  };
  EXPECT_EQ(complaint_of({9, 9}), "nothing thrown");  // 8 inputs, as PyTorch
  EXPECT_THAT(complaint_of({9, 10}), HasSubstr("a kernel that spans 10 does not fit in 8 inputs"));
}

TEST(Window, OfATransposedConvolutionIsRefusedLikewise) {
  EXPECT_THAT(complaint("ConvTranspose", {{"strides", List{1, 0}}}), HasSubstr("strides holds 0, expected at least 1"));
  EXPECT_THAT(complaint("ConvTranspose", {{"dilations", List{kHuge, 1}}}), HasSubstr("dilations holds 4611686018427387904"));
  EXPECT_THAT(complaint("ConvTranspose", {{"pads", List{-1, 0, 0, 0}}}), HasSubstr("pads holds -1, expected at least 0"));
  EXPECT_THAT(complaint("ConvTranspose", {{"pads", List{kHuge, kHuge, kHuge, kHuge}}}),
              HasSubstr("pads holds 4611686018427387904"));
  EXPECT_THAT(complaint("ConvTranspose", {{"pads", List{9, 9, 9, 9}}}), HasSubstr("pads 9 and 9 are more than the 10 results"));
  EXPECT_THAT(complaint("ConvTranspose", {{"output_padding", List{-1, 0}}}), HasSubstr("output_padding holds -1"));
  EXPECT_THAT(complaint("ConvTranspose", {{"output_shape", List{0, 4}}}), HasSubstr("output_shape holds 0, expected at least 1"));
  EXPECT_THAT(complaint("ConvTranspose", {{"group", 2}}), HasSubstr("group = 2 does not divide 3 channels"));
  const std::int64_t most = std::int64_t{1} << 31;
  EXPECT_THAT(complaint("ConvTranspose", {{"strides", List{most, most}}}), HasSubstr("more than 2^48 elements"));
}

}  // namespace
}  // namespace neurons::ops::testing
