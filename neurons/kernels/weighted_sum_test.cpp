#include "neurons/kernels/weighted_sum.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/base/random.hpp"
#include "neurons/kernels/simd_targets_test.hpp"

namespace neurons::kernels {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kRedZone = -12345.0F;

/// A matrix inside a larger block: rows further apart than they are long, a red zone between and around them.
struct Matrix {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t stride;
  std::vector<float> block;

  Matrix(std::int64_t rows_, std::int64_t columns_, float fill, std::int64_t gap = 3)
      : rows(rows_), columns(columns_), stride(columns_ + gap), block(static_cast<std::size_t>((rows_ + 2) * stride), kRedZone) {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) at(r, c) = fill;
    }
  }
  float* data() { return block.data() + stride; }
  const float* data() const { return block.data() + stride; }
  float& at(std::int64_t r, std::int64_t c) { return data()[r * stride + c]; }
  float at(std::int64_t r, std::int64_t c) const { return data()[r * stride + c]; }

  Matrix& randomise(std::uint64_t seed) {
    RandomStream random(seed);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) at(r, c) = static_cast<float>(random.normal());
    }
    return *this;
  }
  void expect_red_zone_intact() const {
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(block.size()); ++i) {
      const std::int64_t row = i / stride - 1;
      if (row >= 0 && row < rows && i % stride < columns) continue;
      ASSERT_EQ(block[static_cast<std::size_t>(i)], kRedZone) << "offset " << i;
    }
  }
};

/// An epilogue that counts what it sees and writes twice the tile's value plus the element's index to the tile.
struct Counting {
  std::vector<int> seen;
  Program program;

  Counting(std::int64_t rows, std::int64_t columns) : seen(static_cast<std::size_t>(rows * columns)) {
    program.rows = rows;
    program.columns = columns;
    program.externals = {{reinterpret_cast<std::byte*>(seen.data()), sizeof(int), columns, 1, {}}};
    program.instructions.push_back(
        {&count, {{Operand::Place::tile, 0}, {Operand::Place::external, 0}, {Operand::Place::tile, 0}}, nullptr});
  }
  static void count(const Tile& tile) noexcept {
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      for (std::int64_t c = 0; c < tile.columns; ++c) {
        ++at<int>(tile.streams[1], r, c);
        const auto index = tile.first_element + static_cast<std::uint64_t>(r * tile.elements_per_row + c);
        at<float>(tile.streams[2], r, c) = 2.0F * at<float>(tile.streams[0], r, c) + static_cast<float>(index % 8);
      }
    }
  }
  static double expected(double value, std::int64_t index) { return 2.0 * value + static_cast<double>(index % 8); }
};

/// Every worker's share, one after the other, each with scratch full of NaN.
template <class Call>
void run_workers(int workers, const Call& call, void (*kernel)(const Call&, std::byte*, Worker) noexcept) {
  const std::size_t bytes = scratch_bytes(call);
  for (int worker = workers - 1; worker >= 0; --worker) {
    AlignedBuffer scratch(bytes + kAlignment);
    std::fill_n(reinterpret_cast<float*>(scratch.data()), bytes / sizeof(float), kNan);
    std::memset(scratch.data() + bytes, 0x5A, kAlignment);
    kernel(call, scratch.data(), {worker, workers});
    for (std::size_t i = 0; i < kAlignment; ++i) ASSERT_EQ(scratch.data()[bytes + i], std::byte{0x5A});
  }
}

/// |actual - expected| within what `terms` roundings of numbers of that size may give.
void expect_near(float actual, double expected, double magnitude, std::int64_t terms) {
  const double tolerance = 1.2e-7 * magnitude * static_cast<double>(terms + 2);
  ASSERT_NEAR(static_cast<double>(actual), expected, tolerance);
}

std::vector<float> packed(const PanelShape& shape, const Matrix& weights) {
  std::vector<float> panels(static_cast<std::size_t>(shape.elements()), kNan);
  pack_panels(shape, weights.data(), weights.stride, 1, panels.data(), {});
  return panels;
}

struct Size {
  std::int64_t rows;
  std::int64_t inputs;
  std::int64_t outputs;
};
const std::vector<Size>& sizes() {
  static const std::vector<Size> all = [] {
    std::vector<Size> list = {{0, 5, 7},     {7, 0, 5},      {7, 5, 0},       {1, 1, 1},       {64, 100, 10},  {33, 31, 64},
                              {100, 33, 97}, {29, 64, 128},  {64, 784, 32},   {5, 2100, 40},   {2100, 37, 33}, {70, 1100, 16},
                              {1, 64, 300},  {2, 64, 300},   {3, 64, 300},    {4, 64, 300},    {200, 70, 130}, {32, 4, 16},
                              {32, 16, 3},   {67, 45, 1},    {31, 100, 2},    {1100, 33, 4},   {3, 5, 4},      {70, 1, 1},
                              {13, 20, 160}, {64, 40, 2080}, {1050, 509, 40}, {530, 403, 130}, {35, 20, 8}};
    const std::int64_t some[] = {1, 2, 5, 13, 14, 16, 17, 31, 32, 33};
    RandomStream random(1);
    for (const auto rows : some) {
      for (int i = 0; i < 4; ++i) list.push_back({rows, some[random.below(10)], some[random.below(10)]});
    }
    return list;
  }();
  return all;
}

/// Inputs that lie in any way give the sums of those that lie in rows.
void expect_any_stride(std::int64_t outputs, float tolerance) {
  const PanelShape shape = weight_panels(37, outputs);
  const Matrix weights = Matrix(37, outputs, 0).randomise(2);
  const std::vector<float> panels = packed(shape, weights);
  for (const std::int64_t rows : {7, 14, 29}) {
    const Matrix x = Matrix(rows, 37, 0).randomise(1);
    Matrix transposed(37, rows, 0);
    Matrix far(37, rows, 0, 512 - rows);  // lines of these rows would evict each other from a cache: they are packed
    Matrix spread(rows, 3 * 37, kNan);
    for (std::int64_t m = 0; m < rows; ++m) {
      for (std::int64_t k = 0; k < 37; ++k) transposed.at(k, m) = far.at(k, m) = spread.at(m, 3 * k) = x.at(m, k);
    }
    for (const int workers : {1, 2, 3}) {
      SCOPED_TRACE(testing::Message() << rows << " rows, " << workers << " workers");
      const auto run_with = [&](const float* data, std::int64_t row_stride, std::int64_t column_stride) {
        Matrix y(rows, outputs, kNan);
        WeightedSumForward call{rows, shape, data, row_stride, column_stride, panels.data(), nullptr, y.data(), y.stride, nullptr};
        run_workers(workers, call, &weighted_sum);
        y.expect_red_zone_intact();
        return y.block;
      };
      const std::vector<float> expected = run_with(x.data(), x.stride, 1);
      const auto as_expected = testing::Pointwise(testing::FloatNear(tolerance), expected);
      EXPECT_THAT(run_with(transposed.data(), 1, transposed.stride), as_expected);
      EXPECT_THAT(run_with(far.data(), 1, far.stride), as_expected);
      EXPECT_THAT(run_with(spread.data(), spread.stride, 3), as_expected);
    }
  }
}

class WeightedSum : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { use_simd_target(GetParam()); }
  void TearDown() override { use_simd_target(0); }
};

TEST_P(WeightedSum, ForwardIsTheSumOfInputsTimesWeightsPlusBias) {
  for (const auto& [rows, inputs, outputs] : sizes()) {
    for (const bool with_bias : {true, false}) {
      SCOPED_TRACE(testing::Message() << rows << " × " << inputs << " × " << outputs << (with_bias ? " with bias" : ""));
      const PanelShape shape = weight_panels(inputs, outputs);
      const Matrix x = Matrix(rows, inputs, 0).randomise(1);
      const Matrix weights = Matrix(inputs, outputs, 0).randomise(2);
      const Matrix bias = Matrix(1, outputs, 0).randomise(3);
      const std::vector<float> panels = packed(shape, weights);
      Matrix first(0, 0, 0);
      for (const int workers : {1, 2, 3}) {
        Matrix y(rows, outputs, kNan);
        WeightedSumForward call;
        call.rows = rows;
        call.shape = shape;
        call.x = x.data();
        call.x_row_stride = x.stride;
        call.panels = panels.data();
        call.bias = with_bias ? bias.data() : nullptr;
        call.y = y.data();
        call.y_row_stride = y.stride;
        run_workers(workers, call, &weighted_sum);
        y.expect_red_zone_intact();
        if (workers == 1) {
          first = y;
          for (std::int64_t m = 0; m < rows; ++m) {
            for (std::int64_t n = 0; n < outputs; ++n) {
              double sum = with_bias ? bias.at(0, n) : 0.0;
              double magnitude = std::abs(sum);
              for (std::int64_t k = 0; k < inputs; ++k) {
                const double term = static_cast<double>(x.at(m, k)) * static_cast<double>(weights.at(k, n));
                sum += term;
                magnitude += std::abs(term);
              }
              expect_near(y.at(m, n), sum, magnitude, inputs);
            }
          }
        } else {
          ASSERT_EQ(std::memcmp(first.block.data(), y.block.data(), y.block.size() * sizeof(float)), 0) << workers << " workers";
        }
      }
    }
  }
}

// What is not a number in one row or behind it is no other row's business.
TEST_P(WeightedSum, SumsOfFewOutputsKeepToTheirRows) {
  for (const std::int64_t outputs : {1, 2, 3, 4}) {
    for (const std::int64_t inputs : {1, 5, 16, 21}) {
      SCOPED_TRACE(testing::Message() << inputs << " × " << outputs);
      const PanelShape shape = weight_panels(inputs, outputs);
      Matrix x(11, inputs, 1.0F);
      std::fill(x.block.begin(), x.block.end(), kNan);
      for (std::int64_t m = 0; m < x.rows; ++m) {
        for (std::int64_t k = 0; k < inputs; ++k) x.at(m, k) = m == 2 ? kNan : m == 5 ? kInfinity : -2.0F;
      }
      const Matrix weights = Matrix(inputs, outputs, -0.5F);
      const std::vector<float> panels = packed(shape, weights);
      Matrix y(11, outputs, kNan);
      WeightedSumForward call{11, shape, x.data(), x.stride, 1, panels.data(), nullptr, y.data(), y.stride, nullptr};
      run_workers(2, call, &weighted_sum);
      for (std::int64_t m = 0; m < y.rows; ++m) {
        for (std::int64_t n = 0; n < outputs; ++n) {
          if (m == 2) {
            EXPECT_TRUE(std::isnan(y.at(m, n)));
          } else {
            EXPECT_EQ(y.at(m, n), m == 5 ? -kInfinity : static_cast<float>(inputs));
          }
        }
      }
    }
  }
}

TEST_P(WeightedSum, ForwardReadsInputsOfAnyStride) {
  expect_any_stride(45, 0.0F);
  expect_any_stride(3, 1e-5F);  // dot products add in another order
}

TEST_P(WeightedSum, InputGradientIsTheSumOverOutputs) {
  for (const auto& [rows, inputs, outputs] : sizes()) {
    SCOPED_TRACE(testing::Message() << rows << " × " << inputs << " × " << outputs);
    const PanelShape shape = weight_panels(inputs, outputs);
    const Matrix dz = Matrix(rows, outputs, 0).randomise(1);
    const Matrix weights = Matrix(inputs, outputs, 0).randomise(2);
    const std::vector<float> panels = packed(shape, weights);
    Matrix first(0, 0, 0);
    for (const int workers : {1, 2, 3}) {
      Matrix dx(rows, inputs, kNan);
      WeightedSumInputGradient call;
      call.rows = rows;
      call.shape = shape;
      call.dz = dz.data();
      call.dz_row_stride = dz.stride;
      call.panels = panels.data();
      call.dx = dx.data();
      call.dx_row_stride = dx.stride;
      run_workers(workers, call, &weighted_sum_input_gradient);
      dx.expect_red_zone_intact();
      if (workers > 1) {
        ASSERT_EQ(std::memcmp(first.block.data(), dx.block.data(), dx.block.size() * sizeof(float)), 0) << workers << " workers";
        continue;
      }
      first = dx;
      for (std::int64_t m = 0; m < rows; ++m) {
        for (std::int64_t k = 0; k < inputs; ++k) {
          double sum = 0.0;
          double magnitude = 0.0;
          for (std::int64_t n = 0; n < outputs; ++n) {
            const double term = static_cast<double>(dz.at(m, n)) * static_cast<double>(weights.at(k, n));
            sum += term;
            magnitude += std::abs(term);
          }
          expect_near(dx.at(m, k), sum, magnitude, outputs);
        }
      }
    }
  }
}

TEST_P(WeightedSum, WeightGradientIsTheSumOverSamples) {
  for (const auto& [rows, inputs, outputs] : sizes()) {
    SCOPED_TRACE(testing::Message() << rows << " × " << inputs << " × " << outputs);
    const PanelShape shape = weight_panels(inputs, outputs);
    const Matrix x = Matrix(rows, inputs, 0).randomise(1);
    const Matrix dz = Matrix(rows, outputs, 0).randomise(2);
    Matrix first(0, 0, 0);
    for (const int workers : {1, 2, 3}) {
      Matrix panels(1, shape.elements(), kNan);
      WeightedSumWeightGradient call;
      call.rows = rows;
      call.shape = shape;
      call.x = x.data();
      call.x_row_stride = x.stride;
      call.dz = dz.data();
      call.dz_row_stride = dz.stride;
      call.panels = panels.data();
      run_workers(workers, call, &weighted_sum_weight_gradient);
      panels.expect_red_zone_intact();
      if (workers > 1) {
        ASSERT_EQ(std::memcmp(first.block.data(), panels.block.data(), panels.block.size() * sizeof(float)), 0);
        continue;
      }
      first = panels;
      for (std::int64_t k = 0; k < inputs; ++k) {
        for (std::int64_t column = 0; column < shape.panels() * shape.width(); ++column) {
          const std::int64_t panel = column / shape.width();
          const float actual = panels.at(0, (panel * inputs + k) * shape.width() + column % shape.width());
          double sum = 0.0;
          double magnitude = 0.0;
          for (std::int64_t m = 0; m < rows && column < outputs; ++m) {
            const double term = static_cast<double>(x.at(m, k)) * static_cast<double>(dz.at(m, column));
            sum += term;
            magnitude += std::abs(term);
          }
          expect_near(actual, sum, magnitude, rows);
        }
      }
    }
  }
}

TEST_P(WeightedSum, EpiloguesSeeEachElementOnceAfterItsSum) {
  for (const auto& [rows, inputs, outputs] : sizes()) {
    if (rows * inputs * outputs == 0) continue;
    for (const int workers : {1, 2}) {
      SCOPED_TRACE(testing::Message() << rows << " × " << inputs << " × " << outputs << ", " << workers << " workers");
      const PanelShape shape = weight_panels(inputs, outputs);
      const std::int64_t gap = inputs * outputs == 1 ? 0 : 3;  // without it, single columns are contiguous along the samples
      const Matrix x = Matrix(rows, inputs, 0, gap).randomise(1);
      const Matrix dz = Matrix(rows, outputs, 0, gap).randomise(2);
      const Matrix weights = Matrix(inputs, outputs, 0).randomise(3);
      const std::vector<float> panels = packed(shape, weights);
      const auto compare = [](const Counting& counting, std::int64_t columns, const Matrix& plain, const Matrix& with) {
        ASSERT_THAT(counting.seen, testing::Each(1));
        for (std::int64_t r = 0; r < plain.rows; ++r) {
          for (std::int64_t c = 0; c < plain.columns; ++c) {
            const double expected = Counting::expected(static_cast<double>(plain.at(r, c)), r * columns + c);
            ASSERT_NEAR(static_cast<double>(with.at(r, c)), expected, 1e-6 * (1.0 + std::abs(expected)));
          }
        }
      };
      {
        Matrix y(rows, outputs, kNan);
        WeightedSumForward call{rows, shape, x.data(), x.stride, 1, panels.data(), nullptr, y.data(), y.stride, nullptr};
        run_workers(workers, call, &weighted_sum);
        const Matrix plain = y;
        Counting counting(rows, outputs);
        call.epilogue = &counting.program;
        run_workers(workers, call, &weighted_sum);
        compare(counting, outputs, plain, y);
      }
      {
        Matrix dx(rows, inputs, kNan);
        WeightedSumInputGradient call{rows, shape, dz.data(), dz.stride, panels.data(), dx.data(), dx.stride, nullptr};
        run_workers(workers, call, &weighted_sum_input_gradient);
        const Matrix plain = dx;
        Counting counting(rows, inputs);
        call.epilogue = &counting.program;
        run_workers(workers, call, &weighted_sum_input_gradient);
        compare(counting, inputs, plain, dx);
      }
      {
        const std::int64_t packed_rows = shape.matrix_rows();
        const std::int64_t packed_columns = shape.matrix_columns();
        Matrix gradient(packed_rows, packed_columns, kNan, 0);
        WeightedSumWeightGradient call{rows, shape, x.data(), x.stride, dz.data(), dz.stride, gradient.data(), nullptr};
        run_workers(workers, call, &weighted_sum_weight_gradient);
        const Matrix plain = gradient;
        Counting counting(packed_rows, packed_columns);
        call.epilogue = &counting.program;
        run_workers(workers, call, &weighted_sum_weight_gradient);
        compare(counting, packed_columns, plain, gradient);

        // The tiles only, copied out by the epilogue: what an optimiser's update sees.
        Matrix copied(packed_rows, packed_columns, kNan, 0);
        Program copy;
        copy.rows = packed_rows;
        copy.columns = packed_columns;
        copy.externals = {{reinterpret_cast<std::byte*>(copied.data()), sizeof(float), packed_columns, 1, {}}};
        const TileFunction copy_tile = [](const Tile& tile) noexcept {
          for (std::int64_t r = 0; r < tile.rows; ++r) {
            for (std::int64_t c = 0; c < tile.columns; ++c) at<float>(tile.streams[1], r, c) = at<float>(tile.streams[0], r, c);
          }
        };
        copy.instructions.push_back({copy_tile, {{Operand::Place::tile, 0}, {Operand::Place::external, 0}}, nullptr});
        call.panels = nullptr;
        call.epilogue = &copy;
        run_workers(workers, call, &weighted_sum_weight_gradient);
        ASSERT_EQ(copied.block, plain.block);
      }
    }
  }
}

TEST_P(WeightedSum, NanAndInfinityReachExactlyTheSumsThatUseThem) {
  const PanelShape shape{40, 21};
  for (const std::int64_t rows : {1, 3, 20}) {
    for (const float bad : {kNan, kInfinity}) {
      Matrix x(rows, 40, 1.0F);
      Matrix dz(rows, 21, 1.0F);
      x.at(rows - 1, 17) = bad;
      dz.at(rows - 1, 20) = bad;
      const Matrix weights(40, 21, 0.5F);
      const std::vector<float> panels = packed(shape, weights);
      Matrix y(rows, 21, 0);
      Matrix dx(rows, 40, 0);
      Matrix gradient(1, shape.elements(), kNan);
      run_workers(1, WeightedSumForward{rows, shape, x.data(), x.stride, 1, panels.data(), nullptr, y.data(), y.stride, nullptr},
                  &weighted_sum);
      run_workers(1, WeightedSumInputGradient{rows, shape, dz.data(), dz.stride, panels.data(), dx.data(), dx.stride, nullptr},
                  &weighted_sum_input_gradient);
      run_workers(1, WeightedSumWeightGradient{rows, shape, x.data(), x.stride, dz.data(), dz.stride, gradient.data(), nullptr},
                  &weighted_sum_weight_gradient);
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t n = 0; n < 21; ++n) ASSERT_EQ(std::isfinite(y.at(r, n)), r != rows - 1) << r << ", " << n;
        for (std::int64_t k = 0; k < 40; ++k) ASSERT_EQ(std::isfinite(dx.at(r, k)), r != rows - 1) << r << ", " << k;
      }
      for (std::int64_t k = 0; k < 40; ++k) {
        for (std::int64_t n = 0; n < 32; ++n) {
          const float value = gradient.at(0, k * 32 + n);
          if (n >= 21) {
            ASSERT_EQ(value, 0.0F) << "padding";
          } else {
            ASSERT_EQ(std::isfinite(value), k != 17 && n != 20) << k << ", " << n;
          }
        }
      }
    }
  }
}

TEST_P(WeightedSum, ColumnSums) {
  for (const std::int64_t rows : {0, 1, 3, 4, 7, 64, 101}) {
    for (const std::int64_t columns : {0, 1, 3, 10, 16, 33, 100}) {
      const Matrix dz = Matrix(rows, columns, 0).randomise(5);
      Matrix first(0, 0, 0);
      for (const int workers : {1, 2, 3}) {
        Matrix sums(1, columns, kNan);
        for (int worker = 0; worker < workers; ++worker) {
          column_sums(rows, columns, dz.data(), dz.stride, sums.data(), {worker, workers});
        }
        sums.expect_red_zone_intact();
        if (workers == 1) first = sums;
        ASSERT_EQ(sums.block, first.block);
      }
      for (std::int64_t c = 0; c < columns; ++c) {
        double sum = 0.0;
        double magnitude = 0.0;
        for (std::int64_t r = 0; r < rows; ++r) {
          sum += static_cast<double>(dz.at(r, c));
          magnitude += std::abs(static_cast<double>(dz.at(r, c)));
        }
        expect_near(first.at(0, c), sum, magnitude, rows);
      }
    }
  }
}

/// No sanitizer sees what a masked load touches: here a page behind the operand that nobody may read.
TEST_P(WeightedSum, ColumnSumsReadNothingBeyondTheirRows) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const pages = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  float* const end = reinterpret_cast<float*>(static_cast<std::byte*>(pages) + page);
  ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
  for (const std::int64_t columns : {1, 2, 3, 5, 7, 8, 9, 15, 17, 31}) {
    for (const std::int64_t rows : {1, 3, 4}) {
      std::fill(end - rows * columns, end, 2.0F);
      std::vector<float> sums(static_cast<std::size_t>(columns));
      column_sums(rows, columns, end - rows * columns, columns, sums.data(), {0, 1});
      EXPECT_THAT(sums, testing::Each(2.0F * static_cast<float>(rows)));
    }
  }
  munmap(pages, 2 * page);
}

TEST_P(WeightedSum, MatrixProductTakesOperandsOfAnyStride) {
  struct Strides {
    bool a_transposed;
    bool b_transposed;
    std::int64_t step;  ///< elements from one to the next
  };
  const Size cases[] = {{0, 3, 4}, {3, 0, 4}, {1, 1, 1}, {5, 7, 17}, {33, 64, 100}, {64, 31, 16}, {50, 1300, 40}, {395, 500, 130}};
  for (const auto& [rows, inner, columns] : cases) {
    for (const Strides strides :
         {Strides{false, false, 1}, {false, true, 1}, {true, false, 1}, {true, true, 1}, {false, true, 2}}) {
      SCOPED_TRACE(testing::Message() << rows << " × " << inner << " × " << columns << (strides.a_transposed ? " Aᵀ" : "")
                                      << (strides.b_transposed ? " Bᵀ" : "") << " step " << strides.step);
      const Matrix a =
          (strides.a_transposed ? Matrix(inner, rows * strides.step, 0) : Matrix(rows, inner * strides.step, 0)).randomise(1);
      const Matrix b =
          (strides.b_transposed ? Matrix(columns, inner * strides.step, 0) : Matrix(inner, columns * strides.step, 0)).randomise(2);
      Matrix first(0, 0, 0);
      for (const int workers : {1, 2}) {
        Matrix c(rows, columns, kNan);
        MatrixProduct call;
        call.rows = rows;
        call.inner = inner;
        call.columns = columns;
        call.a = a.data();
        call.a_row_stride = strides.a_transposed ? strides.step : a.stride;
        call.a_column_stride = strides.a_transposed ? a.stride : strides.step;
        call.b = b.data();
        call.b_row_stride = strides.b_transposed ? strides.step : b.stride;
        call.b_column_stride = strides.b_transposed ? b.stride : strides.step;
        call.c = c.data();
        call.c_row_stride = c.stride;
        run_workers(workers, call, &matrix_product);
        c.expect_red_zone_intact();
        if (workers > 1) {
          ASSERT_EQ(std::memcmp(first.block.data(), c.block.data(), c.block.size() * sizeof(float)), 0);
          continue;
        }
        first = c;
        for (std::int64_t i = 0; i < rows; ++i) {
          for (std::int64_t j = 0; j < columns; ++j) {
            double sum = 0.0;
            double magnitude = 0.0;
            for (std::int64_t l = 0; l < inner; ++l) {
              const double term = static_cast<double>(call.a[i * call.a_row_stride + l * call.a_column_stride]) *
                                  static_cast<double>(call.b[l * call.b_row_stride + j * call.b_column_stride]);
              sum += term;
              magnitude += std::abs(term);
            }
            expect_near(c.at(i, j), sum, magnitude, inner);
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, WeightedSum, testing::ValuesIn(simd_targets()),
                         [](const auto& test) { return simd_target_name(test.param); });

TEST(Panels, AreRowsOfWidthColumnsPaddedWithZeros) {
  for (const std::int64_t outputs : {1, 4, 10, 16, 17, 32, 33, 64, 100}) {
    for (const std::int64_t inputs : {0, 1, 5, 31}) {
      const PanelShape shape{inputs, outputs};
      const Matrix weights = Matrix(inputs, outputs, 0).randomise(7);
      std::vector<float> panels(static_cast<std::size_t>(shape.elements()), kNan);
      for (int worker = 0; worker < 3; ++worker) pack_panels(shape, weights.data(), weights.stride, 1, panels.data(), {worker, 3});
      for (std::int64_t k = 0; k < inputs; ++k) {
        for (std::int64_t n = 0; n < shape.panels() * shape.width(); ++n) {
          const std::int64_t place = (n / shape.width() * inputs + k) * shape.width() + n % shape.width();
          ASSERT_EQ(panels[static_cast<std::size_t>(place)], n < outputs ? weights.at(k, n) : 0.0F);
        }
      }
      Matrix back(inputs, outputs, kNan);
      Matrix transposed(outputs, inputs, kNan);
      for (int worker = 0; worker < 2; ++worker) {
        unpack_panels(shape, panels.data(), back.data(), back.stride, 1, {worker, 2});
        unpack_panels(shape, panels.data(), transposed.data(), 1, transposed.stride, {worker, 2});
      }
      EXPECT_EQ(back.block, weights.block);
      transposed.expect_red_zone_intact();
      std::vector<float> again(panels.size(), kNan);
      pack_panels(shape, transposed.data(), 1, transposed.stride, again.data(), {});
      EXPECT_EQ(again, panels);
    }
  }
}

TEST(Panels, OfFewOutputsAreARowForEach) {
  const PanelShape shape = weight_panels(3, 2);
  const std::vector<float> weights = {1, 2, 3, 4, 5, 6};
  std::vector<float> panels(static_cast<std::size_t>(shape.elements()), kNan);
  pack_panels(shape, weights.data(), 2, 1, panels.data(), {});
  EXPECT_THAT(panels, testing::ElementsAre(1, 3, 5, 2, 4, 6));
  std::vector<float> back(weights.size(), kNan);
  unpack_panels(shape, panels.data(), back.data(), 2, 1, {});
  EXPECT_EQ(back, weights);
  EXPECT_EQ(weight_panels(3, kFewOutputs).width(), 1);
  EXPECT_EQ(weight_panels(3, kFewOutputs + 1).width(), 16);
}

TEST(FmaPeak, IsPlausible) {
  const double peak = measure_fma_peak(2.0);
  EXPECT_GT(peak, 0.0) << "an emulator manages 0.06";
  EXPECT_LT(peak, 2000.0);
}

}  // namespace
}  // namespace neurons::kernels
