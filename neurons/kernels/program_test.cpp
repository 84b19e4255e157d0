// Programs: chains over blocks give what the instructions give one after the other on whole tensors.
#include "neurons/kernels/program.hpp"

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/kernel_testing.hpp"

namespace neurons::kernels {
namespace {

using testing::for_each_target;
using testing::same_bits;
using testing::varied_values;
using Place = Operand::Place;

External external(const std::vector<float>& data, std::ptrdiff_t row_stride, std::ptrdiff_t column_stride) {
  return {reinterpret_cast<std::byte*>(const_cast<float*>(data.data())), sizeof(float), row_stride, column_stride, {}};
}

/// y = tanh(x + bias) · (x > 0), the comparison through a block of bytes; rows × columns, slices of the outer axis 4 and 5.
struct Chain {
  std::int64_t slices, rows, columns;
  std::vector<float> x, bias, zero{0.0F}, y;
  Program program;

  Chain(std::int64_t slices_in, std::int64_t rows_in, std::int64_t columns_in)
      : slices(slices_in), rows(rows_in), columns(columns_in) {
    const auto elements = static_cast<std::size_t>(2 * slices * rows * columns);
    x = varied_values(elements, 1);
    bias = varied_values(static_cast<std::size_t>(columns), 2);
    y.assign(elements, -7.0F);
    program.rows = rows;
    program.columns = columns;
    program.outer[4] = 2;
    program.outer[5] = slices;
    program.externals = {external(x, columns, 1), external(bias, 0, 1), external(zero, 0, 0), external(y, columns, 1)};
    for (const std::size_t e : {std::size_t{0}, std::size_t{3}}) {
      program.externals[e].outer_strides[4] = slices * rows * columns;
      program.externals[e].outer_strides[5] = rows * columns;
    }
    const Operand in{Place::external, 0}, shift{Place::external, 1}, nothing{Place::external, 2}, out{Place::external, 3};
    const Operand sum{Place::block, 0}, truth{Place::block, 1}, gate{Place::block, 2};
    program.blocks = 3;
    program.instructions = {{add, {in, shift, sum}, nullptr},
                            {tanh, {sum, sum}, nullptr},
                            {greater, {in, nothing, truth}, nullptr},
                            {boolean_to_float, {truth, gate}, nullptr},
                            {multiply, {sum, gate, out}, nullptr}};
  }

  double expected(std::size_t element) const {
    const double value = static_cast<double>(x[element]);
    const double shift = static_cast<double>(bias[element % static_cast<std::size_t>(columns)]);
    return value > 0 ? std::tanh(value + shift) : 0.0;
  }
};

TEST(Program, RunsChainsOverAnyShapeAndSplit) {
  for_each_target([] {
    for (const std::int64_t rows : {1, 5, 700}) {
      for (const std::int64_t columns : {1, 3, 33, 1024, 1500}) {
        Chain chain(3, rows, columns);
        AlignedBuffer scratch(chain.program.scratch_bytes());
        const std::int64_t units = chain.program.outer_elements() * rows;
        chain.program.run_rows(0, units, scratch.data());
        for (std::size_t e = 0; e < chain.y.size(); ++e) {
          ASSERT_TRUE(testing::is_near(chain.y[e], chain.expected(e), {3, 3e-7})) << rows << "×" << columns << " " << e;
        }
        const auto whole = chain.y;
        chain.y.assign(chain.y.size(), NAN);
        const std::int64_t middle = units / 3 + 1;
        chain.program.run_rows(middle, units, scratch.data());
        chain.program.run_rows(0, middle, scratch.data());
        EXPECT_TRUE(same_bits(chain.y, whole)) << rows << "×" << columns;
        chain.program.run_rows(2, 2, scratch.data());  // an empty share
      }
    }
  });
}

TEST(Program, GivesTheSamePreparedOrNot) {
  for_each_target([] {
    for (const std::int64_t rows : {1, 5, 31, 33}) {
      Chain plain(1, rows, 33);
      Chain prepared(1, rows, 33);
      for (Chain* chain : {&plain, &prepared}) chain->program.outer[4] = 1;
      prepared.program.prepare();
      EXPECT_EQ(prepared.program.whole.empty(), rows * 33 > Program::kBlockElements);
      AlignedBuffer scratch(plain.program.scratch_bytes());
      plain.program.run_rows(0, rows, scratch.data());
      prepared.program.run_rows(0, rows, scratch.data());
      EXPECT_TRUE(same_bits(plain.y, prepared.y)) << rows;
      prepared.y.assign(prepared.y.size(), NAN);
      prepared.program.run(rows / 2, rows - rows / 2, 0, 33, {}, scratch.data());  // a part is not the whole
      for (std::int64_t e = 0; e < rows * 33; ++e) {
        if (e < rows / 2 * 33) {
          EXPECT_TRUE(std::isnan(prepared.y[static_cast<std::size_t>(e)]));
        } else {
          EXPECT_EQ(prepared.y[static_cast<std::size_t>(e)], plain.y[static_cast<std::size_t>(e)]);
        }
      }
    }
  });
}

// As an epilogue: a rectangle whose values come in a tile with a row stride of its own, and leave there, too.
TEST(Program, RunsOnARectangleAroundATile) {
  for_each_target([] {
    const std::int64_t rows = 29, columns = 70;
    const auto x = varied_values(static_cast<std::size_t>(rows * columns), 3);
    const auto bias = varied_values(static_cast<std::size_t>(columns), 4);
    std::vector<float> y(x.size(), -7.0F);
    Program program;
    program.rows = rows;
    program.columns = columns;
    program.externals = {external(bias, 0, 1), external(y, columns, 1)};
    const Operand tile{Place::tile, 0};
    program.instructions = {{add, {tile, {Place::external, 0}, tile}, nullptr}, {relu, {tile, {Place::external, 1}}, nullptr}};
    for (std::int64_t row = 0; row < rows; row += 13) {
      for (std::int64_t column = 0; column < columns; column += 32) {
        const std::int64_t r_count = std::min<std::int64_t>(13, rows - row), c_count = std::min<std::int64_t>(32, columns - column);
        alignas(64) float held[13 * 40];
        for (std::int64_t r = 0; r < r_count; ++r) {
          for (std::int64_t c = 0; c < c_count; ++c)
            held[r * 40 + c] = x[static_cast<std::size_t>((row + r) * columns + column + c)];
        }
        program.run(row, r_count, column, c_count, {reinterpret_cast<std::byte*>(held), 40, 1}, nullptr);
      }
    }
    for (std::size_t e = 0; e < x.size(); ++e) EXPECT_EQ(y[e], std::max(0.0F, x[e] + bias[e % 70]));
  });
}

TEST(Program, TakesTheTileThatItWasPreparedForAndAnyOther) {
  for_each_target([] {
    const std::int64_t rows = 5, columns = 13;
    const auto x = varied_values(static_cast<std::size_t>(rows * columns), 3);
    std::vector<float> expected, y(x.size());
    for (const float value : x) expected.push_back(std::max(0.0F, value + value));
    Program program;
    program.rows = rows;
    program.columns = columns;
    program.externals = {external(y, columns, 1)};
    const Operand tile{Place::tile, 0};
    program.instructions = {{add, {tile, tile, tile}, nullptr}, {relu, {tile, {Place::external, 0}}, nullptr}};
    std::vector<float> known = x, other = x;
    const auto run = [&](std::vector<float>& values) {
      values = x;
      std::fill(y.begin(), y.end(), -7.0F);
      program.run(0, rows, 0, columns, {reinterpret_cast<std::byte*>(values.data()), columns, 1}, nullptr);
      EXPECT_TRUE(same_bits(y, expected));
    };
    program.prepare({reinterpret_cast<std::byte*>(known.data()), columns, 1});
    EXPECT_FALSE(program.whole.empty());
    run(known);
    run(other);
    program.prepare();
    run(known);
  });
}

TEST(Program, DoesNothingOnEmptySpaces) {
  Chain chain(1, 4, 4);
  AlignedBuffer scratch(chain.program.scratch_bytes());
  chain.program.run(0, 0, 0, 4, {}, scratch.data());
  chain.program.run(0, 4, 0, 0, {}, scratch.data());
  chain.program.run_rows(0, 0, scratch.data());
  for (const float y : chain.y) EXPECT_EQ(y, -7.0F);
}

// ---- Dropout: random numbers by element index.

float reference_factor(std::uint64_t element, std::uint64_t step, const DropoutOptions& options) {
  const auto words = philox({static_cast<std::uint32_t>(element / 4), static_cast<std::uint32_t>(element / 4 >> 32),
                             static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32)},
                            {static_cast<std::uint32_t>(options.seed), static_cast<std::uint32_t>(options.seed >> 32)});
  const double threshold = static_cast<double>(options.ratio) * 0x1p32;
  return static_cast<double>(words[element % 4]) < std::floor(threshold) ? 0.0F : 1.0F / (1.0F - options.ratio);
}

TEST(Dropout, DrawsPhiloxByElementIndexForAnyCut) {
  for_each_target([] {
    const DropoutOptions options{0.3F, 0x123456789ABCDEF0U};
    const std::int64_t step = 0x1'0000'0007;
    const auto x = varied_values(5000, 9);
    // The last start lies where the low word of the counter wraps around.
    for (const std::uint64_t first : {0ULL, 1ULL, 6ULL, (1ULL << 34) - 21}) {
      for (const std::int64_t columns : {1, 2, 3, 7, 64, 101, 5000}) {
        for (const std::int64_t skipped : {0, 5}) {
          const std::int64_t rows = 5000 / columns;
          std::vector<float> y(x.size(), -7.0F);
          Tile tile;
          tile.rows = rows;
          tile.columns = columns;
          tile.first_element = first;
          tile.elements_per_row = columns + skipped;
          tile.options = &options;
          tile.streams[0] = testing::stream(x.data(), columns, 1);
          tile.streams[1] = testing::stream(&step, 0, 0);
          tile.streams[2] = testing::stream(y.data(), columns, 1);
          dropout(tile);
          for (std::int64_t e = 0; e < rows * columns; ++e) {
            const auto element = first + static_cast<std::uint64_t>(e / columns * (columns + skipped) + e % columns);
            const auto i = static_cast<std::size_t>(e);
            ASSERT_EQ(y[i], x[i] * reference_factor(element, static_cast<std::uint64_t>(step), options)) << columns << " " << e;
          }
        }
      }
    }
  });
}

TEST(Dropout, KeepsTheExpectedShareAndScale) {
  for_each_target([] {
    const std::vector<float> x(100'000, 1.0F);
    std::vector<float> y(x.size());
    const std::int64_t step = 3;
    for (const float ratio : {0.0F, 0.1F, 0.5F, 0.9F, 1.0F}) {
      const DropoutOptions options{ratio, 42};
      Tile tile;
      tile.rows = 1;
      tile.columns = static_cast<std::int64_t>(x.size());
      tile.elements_per_row = tile.columns;
      tile.options = &options;
      tile.streams[0] = testing::stream(x.data(), 0, 1);
      tile.streams[1] = testing::stream(&step, 0, 0);
      tile.streams[2] = testing::stream(y.data(), 0, 1);
      dropout(tile);
      double sum = 0.0;
      for (const float value : y) sum += static_cast<double>(value);
      // Standard deviation of the mean: sqrt(ratio / (1 - ratio) / 100000) ≤ 0.0095; five of them.
      EXPECT_NEAR(sum / 1e5, ratio < 1.0F ? 1.0 : 0.0, 0.05) << ratio;
    }
  });
}

}  // namespace
}  // namespace neurons::kernels
