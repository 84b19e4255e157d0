#include "neurons/tensor/shape.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "neurons/base/testing.hpp"

namespace neurons {
namespace {

using testing::message_of;

TEST(Shape, OfAScalarHasOneElement) {
  const Shape shape;
  EXPECT_EQ(shape.rank(), 0);
  EXPECT_EQ(shape.elements(), 1);
  EXPECT_EQ(shape.to_string(), "[]");
  EXPECT_EQ(shape, (Shape{std::span<const std::int64_t>()}));
  EXPECT_NE(shape, (Shape{1}));
}

TEST(Shape, KnowsExtentsFromBothEnds) {
  const Shape shape{2, 3, 5};
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[2], 5);
  EXPECT_EQ(shape[-1], 5);
  EXPECT_EQ(shape[-3], 2);
  EXPECT_EQ(shape.normalized_axis(-2), 1);
  EXPECT_EQ(message_of([&] { (void)shape[3]; }), "axis 3 is out of range for shape [2, 3, 5]");
  EXPECT_EQ(message_of([&] { (void)shape[-4]; }), "axis -4 is out of range for shape [2, 3, 5]");
  EXPECT_EQ(message_of([&] { (void)shape.normalized_axis(std::int64_t{1} << 40); }),
            "axis 1099511627776 is out of range for shape [2, 3, 5]");
  EXPECT_EQ(message_of([] { (void)Shape{}[0]; }), "axis 0 is out of range for shape []");
}

TEST(Shape, CountsElementsAndStrides) {
  const Shape shape{2, 3, 5};
  EXPECT_EQ(shape.elements(), 30);
  EXPECT_EQ(shape.product(1, 3), 15);
  EXPECT_EQ(shape.product(2, 2), 1);
  EXPECT_EQ(shape.strides()[0], 15);
  EXPECT_EQ(shape.strides()[1], 5);
  EXPECT_EQ(shape.strides()[2], 1);
}

TEST(Shape, IsReplacedOneExtentAtATime) {
  EXPECT_EQ((Shape{2, 3}).with(-1, 7), (Shape{2, 7}));
  EXPECT_EQ((Shape{2, 3}).with(0, 0), (Shape{0, 3}));
  EXPECT_EQ(message_of([] { (void)(Shape{2, 3}).with(2, 1); }), "axis 2 is out of range for shape [2, 3]");
  EXPECT_EQ(message_of([] { (void)(Shape{2, 3}).with(1, -1); }), "shape [2, -1]: a dimension must not be negative");
}

TEST(Shape, MayBeEmpty) {
  const Shape shape{4, 0, 3};
  EXPECT_EQ(shape.elements(), 0);
  EXPECT_EQ(shape.product(2, 3), 3);
  EXPECT_EQ(shape.strides()[0], 0);
}

TEST(Shape, RefusesWhatNoTensorCanHave) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 48;
  EXPECT_EQ(message_of([] { (Shape{3, -1}); }), "shape [3, -1]: a dimension must not be negative");
  EXPECT_EQ(message_of([] { (Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}); }), "shape of 9 dimensions: at most 8 are supported");
  EXPECT_EQ(message_of([] { (Shape{kHuge, 2}); }), "shape [281474976710656, 2]: more than 2^48 elements");
  EXPECT_EQ(message_of([] {
              (Shape{std::int64_t{1} << 62, std::int64_t{1} << 62});
            }),
            "shape [4611686018427387904, 4611686018427387904]: more than 2^48 elements");
  EXPECT_EQ((Shape{kHuge}).elements(), kHuge);
  EXPECT_EQ((Shape{1, 1, 1, 1, 1, 1, 1, 2}).rank(), 8);
}

TEST(Shape, DoesNotOverflowAroundAZero) {
  // 2^40 · 2^40 is no int64, whether or not a zero follows.
  EXPECT_EQ(message_of([] {
              (Shape{std::int64_t{1} << 40, std::int64_t{1} << 40, 0});
            }),
            "shape [1099511627776, 1099511627776, 0]: more than 2^48 elements");
  EXPECT_EQ((Shape{std::int64_t{1} << 40, 0, 7}).elements(), 0);
}

}  // namespace
}  // namespace neurons
