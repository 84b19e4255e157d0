#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/row_normalization.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>
#include <utility>

#include "neurons/kernels/row_normalization.hpp"
#include "neurons/kernels/rows-inl.h"

#ifndef NEURONS_KERNELS_ROW_BLOCK
#define NEURONS_KERNELS_ROW_BLOCK
namespace neurons::kernels {
/// Rows of one block: few blocks, but enough for many workers.
inline std::int64_t rows_of_block(std::int64_t rows) noexcept { return std::max<std::int64_t>(32, (rows + 63) / 64); }
}  // namespace neurons::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Σ term(step, lanes in use) over a row, step s in partial sum s mod 4. Lanes that are not in use must be 0.
template <class Term>
HWY_INLINE float sum_along(const Walk& walk, const Term& term) {
  const Floats d;
  Vector sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  std::int64_t step = 0;
  for (; step + 4 < walk.steps; step += 4) {
    for (int s = 0; s < 4; ++s) sums[s] = hn::Add(sums[s], term(step + s, walk.count));
  }
  for (int s = 0; step < walk.steps; ++step, ++s) sums[s] = hn::Add(sums[s], term(step, walk.count_at(step)));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]))));
}

/// Two sums over a row from one walk along it: add(step, lanes in use, sum, sum) adds a vector to each.
template <class Add>
HWY_INLINE std::pair<float, float> sums_along(const Walk& walk, const Add& add) {
  const Floats d;
  Vector first[2] = {hn::Zero(d), hn::Zero(d)};
  Vector second[2] = {hn::Zero(d), hn::Zero(d)};
  std::int64_t step = 0;
  for (; step + 2 < walk.steps; step += 2) {
    for (int s = 0; s < 2; ++s) add(step + s, walk.count, first[s], second[s]);
  }
  for (int s = 0; step < walk.steps; ++step, ++s) add(step, walk.count_at(step), first[s], second[s]);
  return {hn::GetLane(hn::SumOfLanes(d, hn::Add(first[0], first[1]))),
          hn::GetLane(hn::SumOfLanes(d, hn::Add(second[0], second[1])))};
}

struct RowStatistics {
  float mean = 0;
  float inverse = 0;
};

HWY_INLINE RowStatistics statistics_of(const Walk& walk, std::int64_t columns, bool centred, float epsilon, const float* x) {
  const Floats d;
  const float share = 1.0F / static_cast<float>(columns);
  RowStatistics known;
  if (centred) {
    const Vector first = hn::Set(d, x[0]);  // the sum is of distances from it: little is lost where values lie far from 0
    const float sum = sum_along(walk, [&](std::int64_t step, std::size_t count) HWY_ATTR {
      return only_some(d, hn::Sub(load_some(d, x + step * walk.stride, count), first), count);
    });
    known.mean = x[0] + sum * share;
  }
  const Vector mean = hn::Set(d, known.mean);
  const float squares = sum_along(walk, [&](std::int64_t step, std::size_t count) HWY_ATTR {
    const Vector distance = only_some(d, hn::Sub(load_some(d, x + step * walk.stride, count), mean), count);
    return hn::Mul(distance, distance);
  });
  known.inverse = 1.0F / std::sqrt(squares * share + epsilon);
  return known;
}

void normalize_all(const RowNormalization& call, Worker worker) {
  const Floats d;
  const Walk walk = walk_along(call.columns);
  const WorkRange range = split_work(static_cast<std::size_t>(call.rows), worker);
  for (std::size_t row = range.begin; row < range.end; ++row) {
    const std::int64_t at = static_cast<std::int64_t>(row) * call.columns;
    const RowStatistics known = statistics_of(walk, call.columns, call.centred, call.epsilon, call.x + at);
    const Vector mean = hn::Set(d, known.mean);
    const Vector inverse = hn::Set(d, known.inverse);
    for (std::int64_t step = 0; step < walk.steps; ++step) {
      const std::size_t count = walk.count_at(step);
      const std::int64_t column = step * walk.stride;
      const Vector normal = hn::Mul(hn::Sub(load_some(d, call.x + at + column, count), mean), inverse);
      const Vector shift = call.bias == nullptr ? hn::Zero(d) : load_some(d, call.bias + column, count);
      store_some(d, hn::MulAdd(normal, load_some(d, call.scale + column, count), shift), call.y + at + column, count);
    }
    if (call.mean != nullptr) call.mean[row] = known.mean;
    if (call.inverse != nullptr) call.inverse[row] = known.inverse;
  }
}

/// With s = dy · scale and n = (x - mean) · inverse: dx = (s - mean(s) - n · mean(s · n)) · inverse. What is summed of s is so in
/// the walks that the mean and the variance need anyway.
void differentiate_row(const RowNormalizationGradient& call, const Walk& walk, std::int64_t at, float* products, float* sums) {
  const Floats d;
  const float* const x = call.x + at;
  const float* const dy = call.dy + at;
  const float share = 1.0F / static_cast<float>(call.columns);
  const auto slope = [&](std::int64_t column, std::size_t count)
                         HWY_ATTR { return hn::Mul(load_some(d, dy + column, count), load_some(d, call.scale + column, count)); };
  float mean_value = 0.0F;
  float mean_slope = 0.0F;
  if (call.centred) {
    const Vector first = hn::Set(d, x[0]);  // the sum is of distances from it: little is lost where values lie far from 0
    const auto [from_first, slopes] = sums_along(walk, [&](std::int64_t step, std::size_t count, Vector& a, Vector& b) HWY_ATTR {
      const std::int64_t column = step * walk.stride;
      a = hn::Add(a, only_some(d, hn::Sub(load_some(d, x + column, count), first), count));
      b = hn::Add(b, only_some(d, slope(column, count), count));
    });
    mean_value = x[0] + from_first * share;
    mean_slope = slopes * share;
  }
  const Vector mean = hn::Set(d, mean_value);
  const auto [squares, slope_products] = sums_along(walk, [&](std::int64_t step, std::size_t count, Vector& a, Vector& b) HWY_ATTR {
    const std::int64_t column = step * walk.stride;
    const Vector distance = only_some(d, hn::Sub(load_some(d, x + column, count), mean), count);
    a = hn::MulAdd(distance, distance, a);
    b = hn::MulAdd(slope(column, count), distance, b);
  });
  const float inverse_deviation = 1.0F / std::sqrt(squares * share + call.epsilon);
  const Vector inverse = hn::Set(d, inverse_deviation);
  const Vector shift = hn::Set(d, mean_slope);
  const Vector mean_product = hn::Set(d, slope_products * inverse_deviation * share);
  for (std::int64_t step = 0; step < walk.steps; ++step) {
    const std::size_t count = walk.count_at(step);
    const std::int64_t column = step * walk.stride;
    const Vector own = hn::Mul(hn::Sub(load_some(d, x + column, count), mean), inverse);
    const Vector upstream = load_some(d, dy + column, count);
    store_some(d, hn::MulAdd(upstream, own, load_some(d, products + column, count)), products + column, count);
    store_some(d, hn::Add(upstream, load_some(d, sums + column, count)), sums + column, count);
    const Vector rest = hn::Sub(hn::Mul(upstream, load_some(d, call.scale + column, count)), shift);
    store_some(d, hn::Mul(hn::NegMulAdd(own, mean_product, rest), inverse), call.dx + at + column, count);
  }
}

void differentiate_all(const RowNormalizationGradient& call, Worker worker) {
  const Walk walk = walk_along(call.columns);
  const std::int64_t size = rows_of_block(call.rows);
  const WorkRange range = split_work(static_cast<std::size_t>(row_blocks(call.rows)), worker);
  for (auto block = static_cast<std::int64_t>(range.begin); block < static_cast<std::int64_t>(range.end); ++block) {
    float* const products = call.partials + block * 2 * call.columns;
    std::fill_n(products, 2 * call.columns, 0.0F);
    for (std::int64_t row = block * size; row < std::min(call.rows, (block + 1) * size); ++row) {
      differentiate_row(call, walk, row * call.columns, products, products + call.columns);
    }
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(normalize_all);
HWY_EXPORT(differentiate_all);

std::int64_t row_blocks(std::int64_t rows) noexcept { return (rows + rows_of_block(rows) - 1) / rows_of_block(rows); }

void normalize_rows(const RowNormalization& call, Worker worker) noexcept { HWY_DYNAMIC_DISPATCH(normalize_all)(call, worker); }
void normalize_rows_gradient(const RowNormalizationGradient& call, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(differentiate_all)(call, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
