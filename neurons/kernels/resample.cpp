#include "neurons/kernels/resample.hpp"

#include <algorithm>
#include <cstring>

#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/resample.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// kVectors neighbouring vectors of one pixel; `count` elements of the last.
template <int kVectors>
HWY_INLINE void sum_pixel(const ResampleTerm* terms, std::size_t term_count, const AxisSums& columns, std::size_t column,
                          std::int64_t inner, const float* x, float* y, std::size_t count) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Vector sums[kVectors];
  for (int v = 0; v < kVectors; ++v) sums[v] = hn::Zero(d);
  for (std::size_t r = 0; r < term_count; ++r) {
    for (std::size_t t = columns.begin[column]; t < columns.begin[column + 1]; ++t) {
      const Vector weight = hn::Set(d, terms[r].weight * columns.weight[t]);
      const float* const from = x + terms[r].offset + columns.source[t] * inner;
      for (int v = 0; v < kVectors; ++v) sums[v] = hn::MulAdd(weight, load_some(d, from + v * lanes, count), sums[v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) store_some(d, sums[v], y + v * lanes, count);
}

void sum_row(const ResampleTerm* terms, std::size_t term_count, const AxisSums& columns, std::int64_t inner, float empty,
             const float* x, float* y) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Floats()));
  const auto all = static_cast<std::size_t>(lanes);
  for (std::size_t column = 0; column + 1 < columns.begin.size(); ++column, y += inner) {
    const std::size_t first = columns.begin[column];
    const std::size_t own = columns.begin[column + 1] - first;
    if (term_count == 0 || own == 0) {
      std::fill(y, y + inner, empty);
      continue;
    }
    if (term_count == 1 && own == 1 && terms[0].weight * columns.weight[first] == 1.0F) {
      std::memcpy(y, x + terms[0].offset + columns.source[first] * inner, static_cast<std::size_t>(inner) * sizeof(float));
      continue;
    }
    std::int64_t i = 0;
    for (; i + 4 * lanes <= inner; i += 4 * lanes) sum_pixel<4>(terms, term_count, columns, column, inner, x + i, y + i, all);
    for (; i < inner; i += lanes) {
      sum_pixel<1>(terms, term_count, columns, column, inner, x + i, y + i, static_cast<std::size_t>(std::min(lanes, inner - i)));
    }
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(sum_row);

std::size_t AxisSums::most_terms() const {
  std::size_t most = 0;
  for (std::size_t i = 0; i + 1 < begin.size(); ++i) most = std::max(most, begin[i + 1] - begin[i]);
  return most;
}

std::size_t Resample::scratch_bytes() const {
  std::size_t terms = 1;
  for (std::size_t a = 0; a + 1 < axes.size(); ++a) terms *= std::max<std::size_t>(1, axes[a].most_terms());
  return terms * sizeof(ResampleTerm);
}

void resample(const Resample& call, std::byte* scratch, Worker worker) noexcept {
  auto* const terms = reinterpret_cast<ResampleTerm*>(scratch);
  const AxisSums& columns = call.axes.back();
  const std::size_t leading = call.axes.size() - 1;
  std::int64_t rows = call.outer;
  for (std::size_t a = 0; a < leading; ++a) rows *= call.axes[a].results();
  const std::int64_t row_elements = columns.results() * call.inner;
  const WorkRange range = split_work(static_cast<std::size_t>(rows), worker);
  for (auto row = static_cast<std::int64_t>(range.begin); row < static_cast<std::int64_t>(range.end); ++row) {
    // The row's terms: those of its place on each axis, from the innermost out, multiplied with those found so far.
    std::size_t count = 1;
    terms[0] = {0, 1.0F};
    std::int64_t rest = row;
    std::int64_t stride = columns.sources * call.inner;
    for (std::size_t a = leading; a-- > 0;) {
      const AxisSums& axis = call.axes[a];
      const auto place = static_cast<std::size_t>(rest % axis.results());
      rest /= axis.results();
      const std::size_t own = axis.begin[place + 1] - axis.begin[place];
      for (std::size_t t = own; t-- > 0;) {  // from behind: the terms found so far are the first ones, used last
        const std::size_t source = axis.begin[place] + t;
        for (std::size_t k = 0; k < count; ++k) {
          terms[t * count + k] = {terms[k].offset + axis.source[source] * stride, terms[k].weight * axis.weight[source]};
        }
      }
      count *= own;
      stride *= axis.sources;
    }
    for (std::size_t k = 0; k < count; ++k) terms[k].offset += rest * stride;
    HWY_DYNAMIC_DISPATCH(sum_row)
    (terms, count, columns, call.inner, call.empty, call.x, call.y + row * row_elements);
  }
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
