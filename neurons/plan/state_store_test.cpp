#include "neurons/plan/state_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "neurons/base/random.hpp"
#include "neurons/base/testing.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using testing::message_of;

Tensor random_matrix(std::int64_t rows, std::int64_t columns) {
  Tensor tensor(DType::f32, {rows, columns});
  RandomStream random(static_cast<std::uint64_t>(rows * 1000 + columns));
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.normal());
  return tensor;
}

/// The layout that the op of that name wants for its second input.
Layout wanted_layout(std::string_view op_name, const Attributes& options, const TensorType& weight) {
  const OpDef& op = ops::table()->find(op_name);
  const bool transposed = !options.empty();
  const TensorType x{DType::f32, {4, weight.shape[transposed ? 1 : 0]}};
  const std::vector<TensorType> types{x, weight};
  const Options chosen = op.default_options.with(options);
  return op.wants_layout({op, chosen, types, {true, true}}, 1).value();
}

TEST(StateStore, KeepsNamedTensors) {
  StateStore store(ops::table());
  store.set("b", Tensor::scalar(2));
  store.set("a", Tensor::scalar(1));
  EXPECT_THAT(store.names(), ElementsAre("a", "b"));
  EXPECT_TRUE(store.has("a"));
  EXPECT_EQ(store.get("b"), Tensor::scalar(2));
  EXPECT_EQ(store.type("b"), (TensorType{DType::f32, {}}));
  store.set("b", Tensor::scalar(5));
  EXPECT_EQ(store.get("b"), Tensor::scalar(5));
}

TEST(StateStore, AddsZeros) {
  StateStore store(ops::table());
  store.add("w", {DType::f32, {3, 5}});
  EXPECT_EQ(store.get("w"), Tensor(DType::f32, {3, 5}));
  const Layout layout = wanted_layout("Gemm", {}, {DType::f32, {3, 5}});
  store.lay_out("w", layout);
  EXPECT_EQ(store.get("w"), Tensor(DType::f32, {3, 5}));
  const Tensor plain = random_matrix(3, 5);
  store.set("w", plain);
  EXPECT_EQ(store.get("w"), plain);
  EXPECT_EQ(store.bind("w").type, store.stored_type("w"));
  store.add("w", {DType::f32, {3, 5}});
  EXPECT_EQ(store.get("w"), plain) << "it is there";
  store.add("late", {DType::f32, {3, 5}});
  store.lay_out("late", layout);
  store.bind("late");
  EXPECT_EQ(store.get("late"), Tensor(DType::f32, {3, 5}));
}

TEST(StateStore, RefusesUnknownNamesAndOtherTypes) {
  StateStore store(ops::table());
  store.set("weight", Tensor::scalar(2));
  EXPECT_EQ(message_of([&] { (void)store.get("wieght"); }), "there is no state \"wieght\"; did you mean \"weight\"?");
  EXPECT_EQ(message_of([&] { store.set("weight", Tensor(DType::f32, {2})); }),
            "state \"weight\" is f32[], the new value is f32[2]");
  EXPECT_EQ(message_of([&] { store.bind("bias"); }), "there is no state \"bias\"");
}

RC_GTEST_PROP(StateStore, PacksAndUnpacksToTheSameBits, ()) {
  const auto rows = *rc::gen::inRange<std::int64_t>(1, 70);
  const auto columns = *rc::gen::inRange<std::int64_t>(1, 70);
  const Tensor plain = random_matrix(rows, columns);
  for (const bool transposed : {false, true}) {
    StateStore store(ops::table());
    store.set("w", plain);
    const Layout layout = wanted_layout("Gemm", transposed ? Attributes{{"trans_b", true}} : Attributes{}, plain.type());
    store.lay_out("w", layout);
    RC_ASSERT(store.layout("w") == layout);
    RC_ASSERT(store.type("w") == plain.type());
    RC_ASSERT(store.get("w") == plain);
    const Tensor other = random_matrix(columns, rows).reshaped({rows, columns});
    store.set("w", other);
    RC_ASSERT(store.get("w") == other);
  }
}

TEST(StateStore, KeepsTheAddressOfABoundState) {
  StateStore store(ops::table());
  store.set("w", random_matrix(3, 5));
  const Layout layout = wanted_layout("Gemm", {}, {DType::f32, {3, 5}});
  store.lay_out("w", layout);
  EXPECT_FALSE(store.is_bound("w"));
  const Buffer memory = store.bind("w");
  EXPECT_TRUE(store.is_bound("w"));
  EXPECT_GE(memory.type.bytes(), 60U) << "the stored form";
  store.set("w", random_matrix(3, 5));
  EXPECT_EQ(store.bind("w").data, memory.data);
  EXPECT_EQ(message_of([&] { store.lay_out("w", layout); }), "state \"w\" is in use by a plan: its layout is fixed");
}

}  // namespace
}  // namespace neurons
