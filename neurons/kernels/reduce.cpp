// Reductions along an axis. Sums are made of sums of kRun elements, so that rounding errors grow with n/kRun + kRun rather than n.
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/reduce.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <limits>

#include "neurons/kernels/rows-inl.h"
#include "neurons/kernels/rows.hpp"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Steps of an axis whose result is complete before it is combined with that of the steps before.
constexpr std::int64_t kRun = 128;

/// neutral(): what an empty axis gives; map(x): applied to every element; combine(a, b): associative but for rounding.
struct Sum {
  static constexpr float kNeutral = 0.0F;
  HWY_INLINE Vector map(Floats, Vector x) const { return x; }
  template <class V>
  HWY_INLINE V combine(V a, V b) const {
    return hn::Add(a, b);
  }
};
struct SumOfSquares : Sum {
  HWY_INLINE Vector map(Floats, Vector x) const { return hn::Mul(x, x); }
};
struct SumOfAbsolutes : Sum {
  HWY_INLINE Vector map(Floats, Vector x) const { return hn::Abs(x); }
};
struct Product : Sum {
  static constexpr float kNeutral = 1.0F;
  template <class V>
  HWY_INLINE V combine(V a, V b) const {
    return hn::Mul(a, b);
  }
};
/// NaN where either is NaN.
struct Maximum : Sum {
  static constexpr float kNeutral = -std::numeric_limits<float>::infinity();
  template <class V>
  HWY_INLINE V combine(V a, V b) const {
    return hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::Gt(a, b), a, b));
  }
};
struct Minimum : Sum {
  static constexpr float kNeutral = std::numeric_limits<float>::infinity();
  template <class V>
  HWY_INLINE V combine(V a, V b) const {
    return hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::Lt(a, b), a, b));
  }
};

/// The steps of a walk, one result a lane. Four independent partial results hide the latency of combine(): step s goes to number
/// s mod 4, within runs of kRun steps.
template <class Operation>
HWY_INLINE Vector reduce_walk(Floats d, const Operation& operation, const Walk& walk, const float* x) {
  const Vector neutral = hn::Set(d, Operation::kNeutral);
  const auto element = [&](std::int64_t step) HWY_ATTR {
    const std::size_t count = walk.count_at(step);
    const float* const data = x + step * walk.stride;
    if (count == hn::Lanes(d)) return operation.map(d, load(d, data));
    return hn::IfThenElse(hn::FirstN(d, count), operation.map(d, load_part(d, data, count)), neutral);
  };
  Vector total = neutral;
  for (std::int64_t begin = 0; begin < walk.steps; begin += kRun) {
    const std::int64_t end = std::min(begin + kRun, walk.steps);
    Vector part0 = neutral, part1 = neutral, part2 = neutral, part3 = neutral;
    std::int64_t step = begin;
    for (; step + 4 <= end; step += 4) {
      part0 = operation.combine(part0, element(step));
      part1 = operation.combine(part1, element(step + 1));
      part2 = operation.combine(part2, element(step + 2));
      part3 = operation.combine(part3, element(step + 3));
    }
    for (; step < end; ++step) part0 = operation.combine(part0, element(step));
    const Vector run = operation.combine(operation.combine(part0, part1), operation.combine(part2, part3));
    total = operation.combine(total, run);
  }
  return total;
}

/// All lanes to one, halving.
template <class D, class Operation>
HWY_INLINE float reduce_lanes(D, const Operation& operation, hn::Vec<D> values) {
  if constexpr (hn::MaxLanes(D()) > 4) {
    const hn::Half<D> half;
    return reduce_lanes(half, operation, operation.combine(hn::LowerHalf(half, values), hn::UpperHalf(half, values)));
  } else {
    const auto pairs = operation.combine(values, hn::Shuffle1032(values));
    return hn::GetLane(operation.combine(pairs, hn::Shuffle2301(pairs)));
  }
}

template <class Operation>
HWY_NOINLINE void reduce_with(const Operation& operation, std::int64_t outer, std::int64_t axis, std::int64_t inner, float divisor,
                              const float* x, float* y, Worker worker) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if (inner == 1) {
    const WorkRange range = split_work(static_cast<std::size_t>(outer), worker);
    for (std::size_t row = range.begin; row < range.end; ++row) {
      const float* const data = x + static_cast<std::int64_t>(row) * axis;
      y[row] = reduce_lanes(d, operation, reduce_walk(d, operation, walk_along(axis), data)) / divisor;
    }
    return;
  }
  const std::int64_t blocks = (inner + lanes - 1) / lanes;
  const WorkRange range = split_work(static_cast<std::size_t>(outer * blocks), worker);
  for (std::size_t item = range.begin; item < range.end; ++item) {
    const std::int64_t slice = static_cast<std::int64_t>(item) / blocks;
    const std::int64_t first = static_cast<std::int64_t>(item) % blocks * lanes;
    const auto count = static_cast<std::size_t>(std::min(lanes, inner - first));
    const Vector result = reduce_walk(d, operation, walk_across(axis, inner, count), x + slice * axis * inner + first);
    store_some(d, hn::Div(result, hn::Set(d, divisor)), y + slice * inner + first, count);
  }
}

void reduce_rows(Reduction reduction, std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* x, float* y,
                 Worker worker) {
  const auto apply = [&](auto operation, float divisor) { reduce_with(operation, outer, axis, inner, divisor, x, y, worker); };
  switch (reduction) {
    case Reduction::sum:
      return apply(Sum(), 1.0F);
    case Reduction::mean:
      return apply(Sum(), static_cast<float>(axis));
    case Reduction::maximum:
      return apply(Maximum(), 1.0F);
    case Reduction::minimum:
      return apply(Minimum(), 1.0F);
    case Reduction::product:
      return apply(Product(), 1.0F);
    case Reduction::sum_of_squares:
      return apply(SumOfSquares(), 1.0F);
    case Reduction::sum_of_absolutes:
      return apply(SumOfAbsolutes(), 1.0F);
  }
}

void argmax_rows(std::int64_t rows, std::int64_t columns, const float* x, std::int64_t* indices, Worker worker) {
  const Floats d;
  const Walk walk = walk_along(columns);
  const WorkRange range = split_work(static_cast<std::size_t>(rows), worker);
  for (std::size_t row = range.begin; row < range.end; ++row) {
    const float* const data = x + static_cast<std::int64_t>(row) * columns;
    const Vector largest = hn::Set(d, reduce_lanes(d, Maximum(), reduce_walk(d, Maximum(), walk, data)));
    indices[row] = 0;
    for (std::int64_t step = 0; step < walk.steps; ++step) {
      const std::size_t count = walk.count_at(step);
      const Vector values = load_some(d, data + step * walk.stride, count);
      const auto is_largest = hn::Or(hn::Eq(values, largest), hn::IsNaN(values));
      const std::intptr_t lane = hn::FindFirstTrue(d, hn::And(is_largest, hn::FirstN(d, count)));
      if (lane >= 0) {
        indices[row] = step * walk.stride + lane;
        break;
      }
    }
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(reduce_rows);
HWY_EXPORT(argmax_rows);

void reduce(Reduction reduction, std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* x, float* y,
            Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(reduce_rows)(reduction, outer, axis, inner, x, y, worker);
}

void argmax(std::int64_t rows, std::int64_t columns, const float* x, std::int64_t* indices, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(argmax_rows)(rows, columns, x, indices, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
