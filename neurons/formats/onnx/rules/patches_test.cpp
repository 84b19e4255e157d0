// Patches and convolutions of integers against ONNX's reference (onnx 1.23.2) and sums by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::HasSubstr;

std::vector<Dim> dims_of(const Tensor& tensor) { return {tensor.shape().extents().begin(), tensor.shape().extents().end()}; }

Model columns(const Tensor& x, const std::vector<std::int64_t>& image, const std::vector<std::int64_t>& block,
              std::vector<AttributeData> attributes = {}) {
  const auto list = [](const std::string& name, const std::vector<std::int64_t>& numbers) {
    return from_tensor(name, i64({std::ssize(numbers)}, numbers));
  };
  return model({node("Col2Im", {"x", "i", "b"}, {"y"}, std::move(attributes))}, {value("x", dims_of(x))}, {"y"},
               {list("i", image), list("b", block)}, 18);
}

TEST(Patches, ColumnsToImage) {
  Tensor x(DType::f32, {1, 4, 3});
  for (std::size_t i = 0; i < 12; ++i) x.values<float>()[i] = static_cast<float>(i + 1);
  const Model source = columns(x, {3, 3}, {2, 2}, {integers("strides", {2, 1}), integers("pads", {0, 1, 0, 0})});
  EXPECT_EQ(run(source, {{"x", x}})[0], f32({1, 1, 3, 3}, {6, 8, 6, 18, 20, 12, 0, 0, 0}));
  const Tensor line = f32({2, 2, 1}, {1, 2, 3, 4});  // two images of two channels, a block of one
  EXPECT_EQ(run(columns(line, {1}, {1}), {{"x", line}})[0], f32({2, 2, 1}, {1, 2, 3, 4}));
}

TEST(Patches, ColumnsThatDoNotFit) {
  const Tensor x(DType::f32, {1, 4, 3});
  EXPECT_THAT(fault_of(columns(x, {3, 3}, {2, 2})), HasSubstr("a block fits in 4 places, there are 3"));
  EXPECT_THAT(fault_of(columns(x, {3, 3}, {3, 1})), HasSubstr("a block of 3 does not divide 4"));
  EXPECT_THAT(fault_of(columns(x, {1, 1}, {2, 2})), HasSubstr("the block does not fit the image"));
  EXPECT_THAT(fault_of(columns(x, {5000, 1}, {4097, 1})), HasSubstr("a block has 4097 places, more than the 4096"));
  EXPECT_THAT(fault_of(columns(x, {std::int64_t{1} << 62, 3}, {2, 2}, {integers("pads", {std::int64_t{1} << 62, 0, 0, 0})})),
              HasSubstr("the block does not fit the image"));
  EXPECT_THAT(fault_of(columns(x, {3, 3}, {2, 2}, {integers("strides", {1})})), HasSubstr("strides has 1 numbers, expected 2"));
}

TEST(Patches, CropsAndPadsAboutTheMiddle) {
  const Tensor x = f32({5, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  const auto cropped = [&](const std::vector<std::int64_t>& shape, std::vector<AttributeData> attributes) {
    const Model source = model({node("CenterCropPad", {"x", "s"}, {"y"}, std::move(attributes))}, {value("x", dims_of(x))}, {"y"},
                               {from_tensor("s", i64({std::ssize(shape)}, shape))}, 18);
    return run(source, {{"x", x}})[0];
  };
  EXPECT_EQ(cropped({2, 5}, {}), f32({2, 5}, {0, 2, 3, 0, 0, 0, 4, 5, 0, 0}));
  EXPECT_EQ(cropped({1}, {integers("axes", {-1})}), f32({5, 1}, {0, 2, 4, 6, 8}));
}

TEST(Patches, ScalesAndZeroPointsOfOneNumberHaveAnyShape) {
  const Tensor x = Tensor::of<std::int32_t>({3}, {1, -2, 300});
  const Model source = model({node("DequantizeLinear", {"x", "s", "z"}, {"r"}), node("QuantizeLinear", {"r", "s", "u"}, {"y"})},
                             {value("x", dims_of(x), ElementType::i32)}, {"y"},
                             {from_tensor("s", f32({1}, {0.5F})), from_tensor("z", Tensor(DType::i32, Shape{})),
                              from_tensor("u", Tensor::of<std::uint8_t>({1}, {7}))},
                             13);
  EXPECT_EQ(run(source, {{"x", x}})[0], Tensor::of<std::uint8_t>({3}, {8, 5, 255}));
}

TEST(Patches, ConvolutionsOfIntegers) {
  const Tensor x = Tensor::of<std::uint8_t>({1, 1, 3, 3}, {2, 3, 4, 5, 6, 7, 8, 9, 10});
  const Tensor w = Tensor::of<std::uint8_t>({2, 1, 2, 2}, {1, 1, 1, 1, 0, 3, 0, 0});
  const std::vector<ValueData> inputs = {value("x", dims_of(x), ElementType::u8)};
  std::vector<TensorData> stored = {from_tensor("w", w), from_tensor("xz", Tensor::of<std::uint8_t>({}, {1})),
                                    from_tensor("wz", Tensor::of<std::uint8_t>({2}, {0, 1}))};
  const Model whole =
      model({node("ConvInteger", {"x", "w", "xz", "wz"}, {"y"}, {integers("pads", {1, 0, 0, 0})})}, inputs, {"y"}, stored, 10);
  // Padding is what x's zero point stands for.
  EXPECT_EQ(run(whole, {{"x", x}})[0], Tensor::of<std::int32_t>({1, 2, 3, 2}, {3, 5, 12, 16, 24, 28, -3, -5, -6, -7, -9, -10}));
  const auto number = [&](const std::string& name, float real) { stored.push_back(from_tensor(name, Tensor::scalar(real))); };
  number("xs", 0.5F);
  stored.push_back(from_tensor("ws", f32({2}, {1, 0.25F})));
  number("ys", 2);
  stored.push_back(from_tensor("yz", Tensor::of<std::uint8_t>({}, {3})));
  stored.push_back(from_tensor("b", Tensor::of<std::int32_t>({2}, {4, 400})));
  const Model scaled =
      model({node("QLinearConv", {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"}, {"y"})}, inputs, {"y"}, stored, 10);
  // (12 + 4) / 4 + 3, …; (-6 + 400) / 16 + 3, …
  EXPECT_EQ(run(scaled, {{"x", x}})[0], Tensor::of<std::uint8_t>({1, 2, 2, 2}, {7, 8, 10, 11, 28, 28, 27, 27}));
}

}  // namespace
}  // namespace neurons::onnx
