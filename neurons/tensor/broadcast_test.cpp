#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "neurons/base/testing.hpp"
#include "neurons/tensor/shape.hpp"

namespace neurons {
namespace {

using Extents = std::vector<std::int64_t>;

/// NumPy's rule in one plain loop, on vectors padded with ones; nothing where the shapes do not fit.
std::optional<Extents> plain_broadcast(Extents a, Extents b) {
  while (a.size() < b.size()) a.insert(a.begin(), 1);
  while (b.size() < a.size()) b.insert(b.begin(), 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || b[i] == 1) continue;
    if (a[i] != 1) return std::nullopt;
    a[i] = b[i];
  }
  return a;
}

rc::Gen<Extents> extents() {
  return rc::gen::resize(4, rc::gen::container<Extents>(rc::gen::element<std::int64_t>(0, 1, 1, 2, 3)));
}

RC_GTEST_PROP(Broadcast, FollowsTheRule, ()) {
  const auto a = *extents();
  const auto b = *extents();
  const Shape left{std::span<const std::int64_t>(a)};
  const Shape right{std::span<const std::int64_t>(b)};
  const auto expected = plain_broadcast(a, b);
  RC_CLASSIFY(expected.has_value());
  if (!expected) {
    RC_ASSERT_THROWS_AS(broadcast(left, right), InputError);
    RC_ASSERT_THROWS_AS(broadcast(right, left), InputError);
    return;
  }
  RC_ASSERT(broadcast(left, right) == Shape(std::span<const std::int64_t>(*expected)));
  RC_ASSERT(broadcast(right, left) == broadcast(left, right));
}

TEST(Broadcast, NamesBothShapesAndThePlaceWhereTheyDiffer) {
  EXPECT_EQ(testing::message_of([] {
              (void)broadcast({2, 3, 4}, {2, 1, 5});
            }),
            "shapes [2, 3, 4] and [2, 1, 5] do not broadcast: 4 against 5 in dimension 1 from the end");
  EXPECT_EQ(testing::message_of([] {
              (void)broadcast({2, 3}, {0, 3});
            }),
            "shapes [2, 3] and [0, 3] do not broadcast: 2 against 0 in dimension 2 from the end");
}

TEST(Broadcast, RefusesAResultThatIsTooLarge) {
  constexpr std::int64_t kLarge = std::int64_t{1} << 30;
  EXPECT_EQ(testing::message_of([] {
              (void)broadcast({kLarge, 1}, {1, kLarge});
            }),
            "shape [1073741824, 1073741824]: more than 2^48 elements");
}

}  // namespace
}  // namespace neurons
