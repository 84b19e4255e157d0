#include "neurons/graph/chain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "neurons/base/testing.hpp"
#include "neurons/graph/toy_ops_testing.hpp"
#include "neurons/kernels/tile.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using From = Chain::Operand::From;

void add_tile(const kernels::Tile& tile) noexcept {
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    for (std::int64_t c = 0; c < tile.columns; ++c) {
      kernels::at<float>(tile.streams[2], r, c) =
          kernels::at<float>(tile.streams[0], r, c) + kernels::at<float>(tile.streams[1], r, c);
    }
  }
}

class ChainTest : public ::testing::Test {
 protected:
  ChainTest() {
    add.elementwise = Elementwise{[](const InferContext&) { return add_tile; }, nullptr};
  }

  static Chain::Operand input(int index) { return {From::input, index, 0}; }
  static Chain::Operand step(int index) { return {From::step, index, 0}; }
  static constexpr Chain::Operand kTile{From::tile, 0, 0};
  void push(Chain::Operand a, Chain::Operand b) { chain.steps.push_back({&add, {}, {a, b}, {type}}); }

  OpDef add = testing::toy_table()->find("Add");
  TensorType type{DType::f32, {2, 3}};
  Chain chain;
};

TEST_F(ChainTest, PrintsItsSteps) {
  push(kTile, input(0));
  push(step(0), input(1));
  chain.outputs = {step(1), step(0)};
  EXPECT_EQ(chain.to_string(), "%0 = Add(tile, in0); %1 = Add(%0, in1) → %1 %0");
  EXPECT_FALSE(chain.empty());
  EXPECT_TRUE(Chain{}.empty());
}

TEST_F(ChainTest, LetsTheTileWaitWhereNobodyIsSurprised) {
  push(kTile, input(0));
  push(step(0), kTile);
  chain.outputs = {step(0), step(1)};
  EXPECT_EQ(chain.tile_output(type), 1) << "the first step's output is written before the tile is read again";
  EXPECT_EQ(chain.tile_output({DType::f32, {6}}), -1) << "no output of that type";
  chain.outputs = {step(0), step(1), kTile};
  EXPECT_EQ(chain.tile_output(type), 2) << "the tile itself leaves";
}

TEST_F(ChainTest, AliasesOnlyWhatNoLaterStepReads) {
  push(input(0), input(1));
  push(step(0), input(1));
  chain.outputs = {step(0), step(1)};
  const std::vector<TensorType> inputs{type, type};
  EXPECT_THAT(chain.aliases(inputs), ElementsAre(Pair(0, 0), Pair(1, 0), Pair(1, 1)));
  const std::vector<TensorType> other{{DType::f32, {3}}, {DType::i32, {2, 3}}};
  EXPECT_THAT(chain.aliases(other), IsEmpty()) << "broadcast, or of another type";
}

TEST_F(ChainTest, FindsTheTypeOfEveryOperand) {
  push(kTile, input(0));
  const std::vector<TensorType> inputs{{DType::f32, {3}}};
  EXPECT_EQ(chain.type_of(kTile, inputs, {DType::f32, {6}}), (TensorType{DType::f32, {6}}));
  EXPECT_EQ(chain.type_of(input(0), inputs, {}), inputs[0]);
  EXPECT_EQ(chain.type_of(step(0), inputs, {}), type);
}

TEST_F(ChainTest, SpacesSplitIntoAMatrixWhereBroadcastingAllowsIt) {
  const auto fits = [](const Shape& other, std::int64_t rows, std::int64_t columns) {
    return IterationSpace({2, 3, 4}, std::array{Shape{2, 3, 4}, other}).split(rows, columns);
  };
  EXPECT_TRUE(fits({2, 3, 4}, 6, 4));
  EXPECT_TRUE(fits({4}, 6, 4)) << "one row for all";
  EXPECT_TRUE(fits({2, 3, 1}, 6, 4)) << "one number for each row";
  EXPECT_TRUE(fits({}, 6, 4));
  EXPECT_FALSE(fits({3, 4}, 6, 4)) << "rows repeat every three";
  EXPECT_TRUE(fits({3, 4}, 2, 12));
}

TEST_F(ChainTest, RunsBroadcastOverEveryRank) {
  const Shape shape{2, 3, 2};
  const Shape row{3, 1};
  type = {DType::f32, shape};
  push(input(0), input(1));
  push(step(0), input(1));
  chain.outputs = {step(1)};
  Tensor a = Tensor::of<float>(shape, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  Tensor b = Tensor::of<float>(row, std::vector<float>{10, 20, 30});
  Tensor y(type);
  const std::vector<Buffer> inputs{{a.bytes().data(), a.type()}, {b.bytes().data(), b.type()}};
  const std::vector<Buffer> outputs{{y.bytes().data(), y.type()}};
  const kernels::Program program = lower_chain(chain, shape, inputs, outputs);
  EXPECT_EQ(program.blocks, 1) << "the first sum passes through one block";
  AlignedBuffer scratch(program.scratch_bytes());
  program.run_rows(0, program.outer_elements() * program.rows, scratch.data());
  EXPECT_THAT(y.values<float>(), ElementsAre(20, 21, 42, 43, 64, 65, 26, 27, 48, 49, 70, 71));

  const ReferenceTensor wide_a = widen(a);
  std::vector<ReferenceTensor> results{{type, {}}};
  // The toy reference knows no broadcasting: the same sum of full operands.
  Tensor full(type);
  for (std::size_t i = 0; i < 12; ++i) full.values<float>()[i] = b.values<float>()[i / 2 % 3];
  const ReferenceTensor wide_full = widen(full);
  run_reference(chain, std::array{&wide_a, &wide_full}, nullptr, results);
  EXPECT_EQ(results[0].data, widen(y).data);
}

TEST_F(ChainTest, RefusesOperandsThatDoNotFit) {
  EXPECT_EQ(testing::message_of([] {
              IterationSpace({2, 3}, std::array{Shape{2}});
            }),
            "shapes [2] and [2, 3] do not broadcast: 2 against 3 in dimension 1 from the end");
  EXPECT_EQ(testing::message_of([] {
              IterationSpace({3}, std::array{Shape{2, 3}});
            }),
            "elementwise: shape [2, 3] does not broadcast to [3]");
  push(input(0), input(1));
  chain.outputs = {step(0)};
  Tensor a(type);
  const std::vector<Buffer> both{{a.bytes().data(), type}, {a.bytes().data(), type}};
  const std::vector<Buffer> out{{a.bytes().data(), type}};
  EXPECT_EQ(testing::message_of([&] {
              lower_chain(chain, {2, 3}, both, out, std::pair<std::int64_t, std::int64_t>{4, 2});
            }),
            "epilogue: shape [2, 3] is no matrix of 4 × 2 to all operands");
}

}  // namespace
}  // namespace neurons
