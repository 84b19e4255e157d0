// Relu and its derivative as epilogues of small products: what they give on the plain results, wherever those go.
#include "neurons/kernels/rectifier.hpp"

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/kernel_testing.hpp"
#include "neurons/kernels/prepared_product.hpp"

namespace neurons::kernels {
namespace {

using testing::for_each_target;
using testing::varied_values;
using Place = Operand::Place;

External matrix(std::vector<float>& values, std::int64_t stride) {
  return {reinterpret_cast<std::byte*>(values.data()), sizeof(float), stride, 1, {}};
}

/// C = A · B, of which an epilogue may be told.
struct Small {
  std::int64_t rows, inner, columns;
  std::vector<float> a, b, bias, c, gates, other;
  PanelProduct product;
  Program program;

  Small(std::int64_t rows_, std::int64_t inner_, std::int64_t columns_) : rows(rows_), inner(inner_), columns(columns_) {
    a = varied_values(static_cast<std::size_t>(rows * inner), 1);
    b = varied_values(static_cast<std::size_t>(inner * columns), 2);
    bias = varied_values(static_cast<std::size_t>(columns), 3);
    gates = varied_values(static_cast<std::size_t>(rows * columns), 4);
    gates[0] = NAN;
    gates.back() = 0;
    a[0] = NAN;
    c.assign(gates.size(), -7);
    other = c;
    product.rows = rows;
    product.inner = inner;
    product.columns = columns;
    product.width = panel_width(columns);
    product.a = a.data();
    product.a_row_stride = inner;
    product.b = b.data();
    product.b_inner_stride = columns;
    product.bias = bias.data();
    product.c = c.data();
    product.c_row_stride = columns;
    program.rows = rows;
    program.columns = columns;
    program.externals = {matrix(c, columns), matrix(gates, columns), matrix(other, columns)};
  }
  void run_with(std::vector<Instruction> instructions, int workers) {
    program.instructions = std::move(instructions);
    program.prepare({reinterpret_cast<std::byte*>(c.data()), columns, 1});
    product.epilogue = program.instructions.empty() ? nullptr : &program;
    const PreparedProduct prepared = prepare(product);
    AlignedBuffer scratch(prepared.scratch_bytes() + kAlignment);
    for (int worker = 0; worker < workers; ++worker) run(prepared, scratch.data(), {worker, workers});
  }
};

TEST(Rectifier, IsWhatTheEpilogueWouldBe) {
  const Operand tile{Place::tile, 0}, c{Place::external, 0}, gates{Place::external, 1}, other{Place::external, 2};
  for_each_target([&] {
    for (const auto& size : std::vector<std::array<std::int64_t, 3>>{
             {32, 4, 16}, {32, 3, 16}, {1, 5, 7}, {13, 2, 9}, {29, 20, 5}, {40, 16, 8}, {7, 3, 31}}) {
      const std::int64_t rows = size[0], inner = size[1], columns = size[2];
      SCOPED_TRACE(::testing::Message() << rows << " × " << inner << " × " << columns);
      Small plain(rows, inner, columns);
      plain.run_with({}, 1);
      std::vector<float> rectified, gated;
      for (std::size_t e = 0; e < plain.c.size(); ++e) {
        rectified.push_back(plain.c[e] <= 0 ? 0.0F : plain.c[e]);
        gated.push_back(plain.gates[e] <= 0 ? 0.0F : plain.c[e]);
      }
      const auto expect = [&](const std::vector<Instruction>& instructions, std::vector<float> Small::*where,
                              const std::vector<float>& expected) {
        for (const int workers : {1, 2, 3}) {
          Small small(rows, inner, columns);
          small.run_with(instructions, workers);
          EXPECT_TRUE(std::memcmp((small.*where).data(), expected.data(), expected.size() * sizeof(float)) == 0) << workers;
        }
      };
      expect({{&relu, {tile, tile}, nullptr}}, &Small::c, rectified);
      expect({{&relu, {tile, c}, nullptr}}, &Small::c, rectified);
      expect({{&relu_gradient_from_output, {tile, gates, c}, nullptr}}, &Small::c, gated);
      // These leave the plain results in C.
      expect({{&relu, {tile, other}, nullptr}}, &Small::c, plain.c);
      expect({{&relu, {tile, other}, nullptr}}, &Small::other, rectified);
      expect({{&relu_gradient_from_output, {tile, gates, other}, nullptr}}, &Small::other, gated);
      // Two operations, and the gate and the gradient the other way round.
      expect({{&negate, {tile, tile}, nullptr}, {&relu, {tile, other}, nullptr}, {&negate, {tile, c}, nullptr}}, &Small::c,
             plain.c);
    }
  });
}

TEST(Rectifier, IsKnownWhereResultsStay) {
  Small small(32, 4, 16);
  const Operand tile{Place::tile, 0}, c{Place::external, 0}, gates{Place::external, 1}, other{Place::external, 2};
  const auto of = [&](TileFunction function, std::vector<Operand> operands) {
    small.run_with({{function, std::move(operands), nullptr}}, 1);
    return rectifier_of(small.product);
  };
  EXPECT_TRUE(of(&relu, {tile, c}).by_itself);
  EXPECT_EQ(of(&relu_gradient_from_output, {tile, gates, tile}).gates, small.gates.data());
  EXPECT_FALSE(of(&relu, {tile, other}).is_any());
  EXPECT_FALSE(of(&relu, {gates, c}).is_any());
  EXPECT_FALSE(of(&relu_gradient_from_output, {gates, tile, c}).is_any());
  EXPECT_FALSE(of(&negate, {tile, c}).is_any());
}

}  // namespace
}  // namespace neurons::kernels
