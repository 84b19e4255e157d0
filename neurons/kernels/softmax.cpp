// Softmax, log-softmax and their gradients: one scheme of passes along the axis, four formulas.
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/softmax.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/rows-inl.h"
#include "neurons/kernels/rows.hpp"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// A formula over inputs a and b along an axis: sum = Σ term(a, b), from which every output follows. With kFromMaximum, `maximum`
/// is that of a; with kKeepsTerms, the terms are stored in the output, and finish() sees them in the place of b.
struct Softmax {
  static constexpr bool kFromMaximum = true;
  static constexpr bool kKeepsTerms = true;
  HWY_INLINE Vector term(Floats d, Vector x, Vector, Vector maximum) const { return exp_of_nonpositive(d, hn::Sub(x, maximum)); }
  HWY_INLINE Vector prepare(Floats d, Vector sum) const { return hn::Div(hn::Set(d, 1.0F), sum); }
  HWY_INLINE Vector finish(Floats, Vector, Vector term, Vector, Vector inverse_sum) const { return hn::Mul(term, inverse_sum); }
};
struct LogSoftmax {
  static constexpr bool kFromMaximum = true;
  static constexpr bool kKeepsTerms = false;
  HWY_INLINE Vector term(Floats d, Vector x, Vector, Vector maximum) const { return exp_of_nonpositive(d, hn::Sub(x, maximum)); }
  HWY_INLINE Vector prepare(Floats d, Vector sum) const { return log(d, sum); }
  HWY_INLINE Vector finish(Floats, Vector x, Vector, Vector maximum, Vector log_sum) const {
    return hn::Sub(hn::Sub(x, maximum), log_sum);
  }
};
struct SoftmaxGradient {
  static constexpr bool kFromMaximum = false;
  static constexpr bool kKeepsTerms = false;
  HWY_INLINE Vector term(Floats, Vector dy, Vector y, Vector) const { return hn::Mul(dy, y); }
  HWY_INLINE Vector prepare(Floats, Vector sum) const { return sum; }
  HWY_INLINE Vector finish(Floats, Vector dy, Vector y, Vector, Vector sum) const { return hn::Mul(y, hn::Sub(dy, sum)); }
};
struct LogSoftmaxGradient {
  static constexpr bool kFromMaximum = false;
  static constexpr bool kKeepsTerms = false;
  HWY_INLINE Vector term(Floats, Vector dy, Vector, Vector) const { return dy; }
  HWY_INLINE Vector prepare(Floats, Vector sum) const { return sum; }
  HWY_INLINE Vector finish(Floats d, Vector dy, Vector y, Vector, Vector sum) const {
    return hn::NegMulAdd(exp_of_nonpositive(d, y), sum, dy);
  }
};

template <class Formula>
HWY_NOINLINE void solve(const Formula& formula, const Walk& walk, const float* a, const float* b, float* y) {
  const Floats d;
  const Vector maximum = Formula::kFromMaximum ? walk_maximum(d, walk, a) : hn::Zero(d);
  Vector sum = hn::Zero(d);
  for (std::int64_t step = 0; step < walk.steps; ++step) {
    const std::ptrdiff_t at = step * walk.stride;
    const std::size_t count = walk.count_at(step);
    const Vector term = formula.term(d, load_some(d, a + at, count), load_some(d, b + at, count), maximum);
    if (Formula::kKeepsTerms) store_some(d, term, y + at, count);
    sum = hn::Add(sum, only_some(d, term, count));
  }
  const Vector prepared = formula.prepare(d, walk.along ? hn::SumOfLanes(d, sum) : sum);
  const float* second = Formula::kKeepsTerms ? y : b;
  for (std::int64_t step = 0; step < walk.steps; ++step) {
    const std::ptrdiff_t at = step * walk.stride;
    const std::size_t count = walk.count_at(step);
    const Vector first_value = load_some(d, a + at, count);
    store_some(d, formula.finish(d, first_value, load_some(d, second + at, count), maximum, prepared), y + at, count);
  }
}

/// Rows [begin, end), as many at a time as there are lanes.
template <class Formula>
HWY_INLINE void solve_short_rows(const Formula& formula, std::size_t begin, std::size_t end, std::int64_t axis, const float* a,
                                 const float* b, float* y) {
  const std::size_t lanes = hn::Lanes(Floats());
  alignas(64) Block a_block;
  alignas(64) Block b_block;
  for (std::size_t row = begin; row < end; row += lanes) {
    const std::size_t count = std::min(lanes, end - row);
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(row) * axis;
    to_block(a + at, axis, count, a_block);
    if (a != b) to_block(b + at, axis, count, b_block);
    solve(formula, walk_across(axis, static_cast<std::ptrdiff_t>(lanes), count), a_block, a == b ? a_block : b_block, a_block);
    from_block(a_block, axis, count, y + at);
  }
}

template <class Formula>
HWY_INLINE void solve_all(const Formula& formula, std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* a,
                          const float* b, float* y, Worker worker) {
  if (axis <= 0) return;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Floats()));
  if (inner == 1) {
    const WorkRange range = split_work(static_cast<std::size_t>(outer), worker, static_cast<std::size_t>(lanes));
    if (axis <= kShortRow) return solve_short_rows(formula, range.begin, range.end, axis, a, b, y);
    for (std::size_t row = range.begin; row < range.end; ++row) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(row) * axis;
      solve(formula, walk_along(axis), a + at, b + at, y + at);
    }
    return;
  }
  const std::int64_t blocks = (inner + lanes - 1) / lanes;
  const WorkRange range = split_work(static_cast<std::size_t>(outer * blocks), worker);
  for (std::size_t item = range.begin; item < range.end; ++item) {
    const std::int64_t slice = static_cast<std::int64_t>(item) / blocks;
    const std::int64_t first = static_cast<std::int64_t>(item) % blocks * lanes;
    const std::ptrdiff_t at = slice * axis * inner + first;
    const auto count = static_cast<std::size_t>(std::min(lanes, inner - first));
    solve(formula, walk_across(axis, inner, count), a + at, b + at, y + at);
  }
}

void softmax_rows(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* x, float* y, Worker worker) {
  solve_all(Softmax(), outer, axis, inner, x, x, y, worker);
}
void log_softmax_rows(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* x, float* y, Worker worker) {
  solve_all(LogSoftmax(), outer, axis, inner, x, x, y, worker);
}
void softmax_gradient_rows(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* dy, const float* y, float* dx,
                           Worker worker) {
  solve_all(SoftmaxGradient(), outer, axis, inner, dy, y, dx, worker);
}
void log_softmax_gradient_rows(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* dy, const float* y,
                               float* dx, Worker worker) {
  solve_all(LogSoftmaxGradient(), outer, axis, inner, dy, y, dx, worker);
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(softmax_rows);
HWY_EXPORT(log_softmax_rows);
HWY_EXPORT(softmax_gradient_rows);
HWY_EXPORT(log_softmax_gradient_rows);

void softmax(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* x, float* y, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(softmax_rows)(outer, axis, inner, x, y, worker);
}
void log_softmax(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* x, float* y, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(log_softmax_rows)(outer, axis, inner, x, y, worker);
}
void softmax_gradient(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* dy, const float* y, float* dx,
                      Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(softmax_gradient_rows)(outer, axis, inner, dy, y, dx, worker);
}
void log_softmax_gradient(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* dy, const float* y, float* dx,
                          Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(log_softmax_gradient_rows)(outer, axis, inner, dy, y, dx, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
