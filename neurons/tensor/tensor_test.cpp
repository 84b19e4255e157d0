#include "neurons/tensor/tensor.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "neurons/base/testing.hpp"

namespace neurons {
namespace {

using testing::message_of;

TEST(DType, HasNamesAndSizes) {
  EXPECT_EQ(name_of(DType::f32), "f32");
  EXPECT_EQ(name_of(DType::boolean), "bool");
  EXPECT_EQ(size_of(DType::f32), sizeof(float));
  EXPECT_EQ(size_of(DType::f64), sizeof(double));
  EXPECT_EQ(size_of(DType::i32), sizeof(std::int32_t));
  EXPECT_EQ(size_of(DType::i64), sizeof(std::int64_t));
  EXPECT_EQ(size_of(DType::u8), 1U);
  EXPECT_EQ(size_of(DType::boolean), sizeof(bool));
  EXPECT_EQ(dtype_of<double>(), DType::f64);
  EXPECT_EQ(dtype_of<bool>(), DType::boolean);
}

TEST(TensorType, PrintsAndCountsBytes) {
  const TensorType type{DType::i64, {2, 3}};
  EXPECT_EQ(type.to_string(), "i64[2, 3]");
  EXPECT_EQ(type.bytes(), 48U);
  EXPECT_NE(type, (TensorType{DType::f64, {2, 3}}));
  EXPECT_NE(type, (TensorType{DType::i64, {3, 2}}));
}

TEST(Tensor, BeginsAsZerosInAlignedMemory) {
  const Tensor tensor(DType::f64, {3, 7});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % kAlignment, 0U);
  for (const double value : tensor.values<double>()) EXPECT_EQ(value, 0);
  EXPECT_EQ(Tensor().elements(), 1);
  EXPECT_EQ(Tensor(), Tensor::scalar(0));
}

TEST(Tensor, HoldsTheValuesGiven) {
  const Tensor tensor = Tensor::of<std::int32_t>({2, 2}, std::vector<std::int32_t>{1, -2, 3, 4});
  EXPECT_EQ(tensor.dtype(), DType::i32);
  EXPECT_EQ(tensor.values<std::int32_t>()[1], -2);
  const std::array<bool, 2> flags{true, false};
  EXPECT_TRUE(Tensor::of<bool>({2}, std::span<const bool>(flags)).values<bool>()[0]);
  EXPECT_EQ(message_of([] {
              (void)Tensor::of<float>({2, 3}, std::vector<float>(5));
            }),
            "tensor of shape [2, 3]: expects 6 values, got 5");
}

TEST(Tensor, IsAValue) {
  Tensor original = Tensor::of<float>({3}, std::vector<float>{1, 2, 3});
  Tensor copy = original;
  copy.values<float>()[0] = 9;
  EXPECT_EQ(original.values<float>()[0], 1) << "a copy shares nothing";
  EXPECT_NE(copy, original);
  copy = original;
  EXPECT_EQ(copy, original);
  const Tensor& same = copy;
  copy = same;  // self-assignment
  EXPECT_EQ(copy, original);
  const std::byte* memory = original.bytes().data();
  const Tensor moved = std::move(original);
  EXPECT_EQ(moved.bytes().data(), memory) << "a move copies nothing";
  EXPECT_EQ(moved, copy);
}

TEST(Tensor, MayBeEmpty) {
  const Tensor empty(DType::f32, {0, 3});
  EXPECT_EQ(empty.bytes().size(), 0U);
  const Tensor copy = empty;
  EXPECT_EQ(copy, empty);
  EXPECT_EQ(copy.reshaped({5, 0}).shape(), (Shape{5, 0}));
  EXPECT_EQ(copy.cast(DType::i64).type(), (TensorType{DType::i64, {0, 3}}));
}

TEST(Tensor, IsEqualByTypeAndBits) {
  const Tensor zeros(DType::f32, {2});
  EXPECT_NE(zeros, Tensor(DType::i32, {2}));
  EXPECT_NE(zeros, Tensor(DType::f32, {2, 1}));
  EXPECT_NE(zeros, Tensor::of<float>({2}, std::vector<float>{0, -0.0F})) << "both zeros are told apart";
  const Tensor nan = Tensor::of<float>({1}, std::vector<float>{std::numeric_limits<float>::quiet_NaN()});
  EXPECT_EQ(nan, Tensor(nan)) << "equal bits are equal, NaN or not";
}

TEST(Tensor, SaysWhichTypeWasAskedFor) {
  Tensor tensor(DType::f32, {2});
  EXPECT_EQ(message_of([&] { (void)tensor.values<double>(); }), "tensor of f32[2]: asked for f64");
  const Tensor& constant = tensor;
  EXPECT_EQ(message_of([&] { (void)constant.values<bool>(); }), "tensor of f32[2]: asked for bool");
}

TEST(Tensor, IsReshapedInOrder) {
  const Tensor tensor = Tensor::of<std::uint8_t>({2, 3}, std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6});
  EXPECT_EQ(tensor.reshaped({3, 2}), Tensor::of<std::uint8_t>({3, 2}, std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(message_of([&] { (void)tensor.reshaped({4}); }), "cannot reshape u8[2, 3] (6 elements) to [4] (4 elements)");
}

TEST(TensorView, ReadsAndWritesTheOwnersMemory) {
  Tensor tensor(DType::f32, {2, 2});
  const TensorView view{DType::f32, {2, 2}, tensor.bytes().data()};
  view.values<float>()[3] = 5;
  EXPECT_EQ(tensor.values<float>()[3], 5);
  EXPECT_EQ(view.bytes().size(), 16U);
  view.assign(Tensor::of<float>({2, 2}, std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(tensor.values<float>()[2], 3);
  EXPECT_EQ(message_of([&] { (void)view.values<std::int64_t>(); }), "view of f32: asked for i64");
  EXPECT_EQ(message_of([&] { view.assign(Tensor(DType::f32, {4})); }), "cannot assign f32[4] to a view of f32[2, 2]");
  EXPECT_EQ(message_of([&] { view.assign(Tensor(DType::f64, {2, 2})); }), "cannot assign f64[2, 2] to a view of f32[2, 2]");
}

}  // namespace
}  // namespace neurons
