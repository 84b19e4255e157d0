// Reductions along an axis, in a fixed tree over runs of kRun steps, so that the rounding error of a sum hardly grows with its
// length.
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

/// Steps that are combined one after the other.
constexpr std::int64_t kRun = 128;

/// kNeutral: what an empty axis gives; map(x): applied to every element; combine(a, b): associative but for rounding.
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

/// Steps [begin, end) of a walk, one result a lane: halved down to runs, in which step s goes to partial result s mod 4 (four
/// independent ones hide the latency of combine()).
template <class Operation>
HWY_NOINLINE Vector reduce_steps(const Operation& operation, const Walk& walk, const float* x, std::int64_t begin,
                                 std::int64_t end) {
  if (end - begin > kRun) {
    const std::int64_t middle = begin + ((end - begin) / 2 + kRun - 1) / kRun * kRun;
    return operation.combine(reduce_steps(operation, walk, x, begin, middle), reduce_steps(operation, walk, x, middle, end));
  }
  const Floats d;
  const Vector neutral = hn::Set(d, Operation::kNeutral);
  const auto element = [&](std::int64_t step) HWY_ATTR {
    const std::size_t count = walk.count_at(step);
    const float* const data = x + step * walk.stride;
    if (count == hn::Lanes(d)) return operation.map(d, load(d, data));
    return hn::IfThenElse(hn::FirstN(d, count), operation.map(d, load_part(d, data, count)), neutral);
  };
  Vector part0 = neutral, part1 = neutral, part2 = neutral, part3 = neutral;
  std::int64_t step = begin;
  for (; step + 4 <= end; step += 4) {
    part0 = operation.combine(part0, element(step));
    part1 = operation.combine(part1, element(step + 1));
    part2 = operation.combine(part2, element(step + 2));
    part3 = operation.combine(part3, element(step + 3));
  }
  for (; step < end; ++step) part0 = operation.combine(part0, element(step));
  return operation.combine(operation.combine(part0, part1), operation.combine(part2, part3));
}
template <class Operation>
HWY_INLINE Vector reduce_walk(const Operation& operation, const Walk& walk, const float* x) {
  return reduce_steps(operation, walk, x, 0, walk.steps);
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
      y[row] = reduce_lanes(d, operation, reduce_walk(operation, walk_along(axis), data)) / divisor;
    }
    return;
  }
  const std::int64_t blocks = (inner + lanes - 1) / lanes;
  const WorkRange range = split_work(static_cast<std::size_t>(outer * blocks), worker);
  for (std::size_t item = range.begin; item < range.end; ++item) {
    const std::int64_t slice = static_cast<std::int64_t>(item) / blocks;
    const std::int64_t first = static_cast<std::int64_t>(item) % blocks * lanes;
    const auto count = static_cast<std::size_t>(std::min(lanes, inner - first));
    const Vector result = reduce_walk(operation, walk_across(axis, inner, count), x + slice * axis * inner + first);
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
    const Vector largest = hn::Set(d, reduce_lanes(d, Maximum(), reduce_walk(Maximum(), walk, data)));
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
