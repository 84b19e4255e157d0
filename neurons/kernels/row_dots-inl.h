// Products of few columns: a vector holds neighbouring terms of one sum, not results. Compiled once per target.

#if defined(NEURONS_KERNELS_ROW_DOTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_ROW_DOTS_INL_H_
#undef NEURONS_KERNELS_ROW_DOTS_INL_H_
#else
#define NEURONS_KERNELS_ROW_DOTS_INL_H_
#endif

#include <array>
#include <cstdint>

#include "neurons/kernels/lane_sums-inl.h"
#include "neurons/kernels/micro_kernel-inl.h"
#include "neurons/kernels/product_plan.hpp"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// C = A · Bᵀ + bias, where the rows of both operands are contiguous.
struct RowDots {
  std::int64_t rows = 0;
  std::int64_t inner = 0;
  const float* a = nullptr;
  std::int64_t a_stride = 0;
  const float* b = nullptr;
  std::int64_t b_stride = 0;
  const float* bias = nullptr;  ///< null: 0
  float* c = nullptr;
  std::int64_t c_stride = 0;
};

/// The sums of a tile, row by row, behind one another: they fill whole quads, and 12 have room in 16 registers.
template <int kColumns>
constexpr int kDotRows = kColumns == 1 ? 8 : 12 / kColumns;

/// kRows rows of C, each sum over lanes and then over the lanes: no sum depends on which tile its row is in.
template <int kRows, int kColumns>
HWY_INLINE void dot_tile(const RowDots& call, const float* a, const float* bias, float* c) {
  const Floats d;
  constexpr int kSums = kRows * kColumns;
  constexpr int kQuads = (kSums + 3) / 4;
  Vector sum[4 * kQuads];  // those beyond kSums stay 0
  NEURONS_UNROLL
  for (int i = 0; i < 4 * kQuads; ++i) sum[i] = hn::Zero(d);
  RowPointers<Layout::inner_contiguous, kRows> left(a, call.a_stride);
  const float* HWY_RESTRICT b = call.b;
  const auto add = [&](const auto& load_terms) HWY_ATTR {
    Vector right[kColumns];
    NEURONS_UNROLL
    for (int column = 0; column < kColumns; ++column) right[column] = load_terms(b + column * call.b_stride);
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vector terms = load_terms(left.at(r));
      NEURONS_UNROLL
      for (int column = 0; column < kColumns; ++column) {
        sum[r * kColumns + column] = hn::MulAdd(terms, right[column], sum[r * kColumns + column]);
      }
    }
  };
  std::int64_t rest = call.inner;
  for (; rest >= kLanes; rest -= kLanes) {
    add([&](const float* terms) HWY_ATTR { return hn::LoadU(d, terms); });
    left.advance(kLanes);
    b += kLanes;
  }
  if (rest > 0) add([&](const float* terms) HWY_ATTR { return load_part(d, terms, static_cast<std::size_t>(rest)); });

  const Quad quad;
  alignas(16) float results[4 * kQuads];
  const bool direct = kSums == 4 * kQuads && call.c_stride == kColumns;
  float* const target = direct ? c : results;
  NEURONS_UNROLL
  for (int q = 0; q < kQuads; ++q) {
    hn::StoreU(hn::Add(sum_lanes(sum + 4 * q), hn::Load(quad, bias + 4 * q)), quad, target + 4 * q);
  }
  if (direct) return;
  for (int r = 0; r < kRows; ++r) {
    for (int column = 0; column < kColumns; ++column) c[r * call.c_stride + column] = results[r * kColumns + column];
  }
}

template <int kColumns>
HWY_NOINLINE void dot_rows(const RowDots& shared) {
  const RowDots call = shared;  // stores to C change nothing of it
  constexpr int kRows = kDotRows<kColumns>;
  alignas(16) float bias[kRows * kColumns] = {};  // once for each sum of a tile
  for (int i = 0; i < kRows * kColumns && call.bias != nullptr; ++i) bias[i] = call.bias[i % kColumns];
  std::int64_t row = 0;
  for (; row + kRows <= call.rows; row += kRows) {
    dot_tile<kRows, kColumns>(call, call.a + row * call.a_stride, bias, call.c + row * call.c_stride);
  }
  for (; row < call.rows; ++row) dot_tile<1, kColumns>(call, call.a + row * call.a_stride, bias, call.c + row * call.c_stride);
}

/// By columns - 1.
constexpr std::array<void (*)(const RowDots& call), kFewColumns> kRowDots = {&dot_rows<1>, &dot_rows<2>, &dot_rows<3>,
                                                                             &dot_rows<4>};

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_ROW_DOTS_INL_H_
