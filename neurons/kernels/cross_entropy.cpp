// Cross-entropy of logits against labels, with the probabilities, in one pass over the rows; and its gradient.
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/cross_entropy.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/rows-inl.h"
#include "neurons/kernels/rows.hpp"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// What the losses of a row, or of one row a lane, are made of.
struct RowSums {
  Vector maximum;
  Vector log_sum;   ///< log Σ exp(x - maximum)
  Vector distance;  ///< Σ_c weight_c · (maximum - x_c), for label smoothing
};

/// The logarithm of a sum of exponentials of which the largest is 1: it is at least 1, or NaN.
HWY_INLINE Vector log_of_sum(Floats d, Vector sum) { return hn::Add(log_of_normal(d, sum, hn::Zero(d)), hn::Sub(sum, sum)); }

/// Leaves the softmax in `probabilities` unless it is null (it may be `x`).
HWY_INLINE RowSums sum_rows(Floats d, const CrossEntropyCall& call, const Walk& walk, const float* x, float* probabilities) {
  const Vector maximum = walk_maximum(d, walk, x);
  const bool smooth = call.smoothing != 0.0F;
  Vector sum = hn::Zero(d);
  Vector distance = hn::Zero(d);
  for (std::int64_t step = 0; step < walk.steps; ++step) {
    const std::ptrdiff_t at = step * walk.stride;
    const std::size_t count = walk.count_at(step);
    const Vector below = hn::Sub(load_some(d, x + at, count), maximum);
    const Vector term = exp_of_nonpositive(d, below);
    if (probabilities != nullptr) store_some(d, term, probabilities + at, count);
    sum = hn::Add(sum, only_some(d, term, count));
    if (smooth) {
      Vector weighted = below;
      if (call.class_weights != nullptr) {
        weighted = hn::Mul(below, walk.along ? load_some(d, call.class_weights + at, count) : hn::Set(d, call.class_weights[step]));
      }
      distance = hn::Sub(distance, only_some(d, weighted, count));
    }
  }
  if (walk.along) {
    sum = hn::SumOfLanes(d, sum);
    distance = hn::SumOfLanes(d, distance);
  }
  if (probabilities != nullptr) {
    const Vector inverse = hn::Div(hn::Set(d, 1.0F), sum);
    for (std::int64_t step = 0; step < walk.steps; ++step) {
      float* const at = probabilities + step * walk.stride;
      store_some(d, hn::Mul(load_some(d, at, walk.count_at(step)), inverse), at, walk.count_at(step));
    }
  }
  return {maximum, log_of_sum(d, sum), distance};
}

HWY_INLINE float weight_of(const CrossEntropyCall& call, std::int64_t label) {
  return call.class_weights == nullptr ? 1.0F : call.class_weights[label];
}

/// Σ_c weight_c
HWY_INLINE float total_weight(const CrossEntropyCall& call) {
  if (call.class_weights == nullptr) return static_cast<float>(call.classes);
  float total = 0.0F;
  for (std::int64_t c = 0; c < call.classes; ++c) total += call.class_weights[c];
  return total;
}

using Labels = hn::RebindToSigned<Floats>;

// Labels that are not classes.
constexpr std::int32_t kIgnored = -1;
constexpr std::int32_t kUnknown = -2;

HWY_INLINE std::int32_t label_of(const CrossEntropyCall& call, std::size_t row) {
  const std::int64_t label = call.labels[row];
  if (label == call.ignore_index) return kIgnored;
  return label >= 0 && label < call.classes ? static_cast<std::int32_t>(label) : kUnknown;
}

/// The labels of `count` rows, one a lane; kIgnored beyond them.
HWY_INLINE hn::Vec<Labels> load_labels(const CrossEntropyCall& call, std::size_t row, std::size_t count) {
  const Labels d;
  const std::int64_t* const labels = call.labels + row;
  if (count == hn::Lanes(d)) {
    const hn::RebindToSigned<hn::Repartition<double, Floats>> wide;
    const hn::RebindToUnsigned<decltype(wide)> wide_bits;
    const hn::RebindToUnsigned<Labels> bits;
    const hn::Half<decltype(bits)> half_bits;
    const auto half = [&](const std::int64_t* data) HWY_ATTR {
      const auto read = hn::LoadU(wide, data);
      const auto is_class = hn::And(hn::Gt(read, hn::Set(wide, -1)), hn::Lt(read, hn::Set(wide, call.classes)));
      const auto known = hn::IfThenElse(is_class, read, hn::Set(wide, kUnknown));
      const auto label = hn::IfThenElse(hn::Eq(read, hn::Set(wide, call.ignore_index)), hn::Set(wide, kIgnored), known);
      return hn::TruncateTo(half_bits, hn::BitCast(wide_bits, label));
    };
    return hn::BitCast(d, hn::Combine(bits, half(labels + hn::Lanes(wide)), half(labels)));
  }
  alignas(64) std::int32_t buffer[kMaxLanes];
  for (std::size_t r = 0; r < kMaxLanes; ++r) buffer[r] = r < count ? label_of(call, row + r) : kIgnored;
  return hn::Load(d, buffer);
}

/// 1, or the weight of each lane's label; 0 where it is no class.
HWY_INLINE Vector label_weights_of(Floats d, const CrossEntropyCall& call, hn::Vec<Labels> label) {
  const Labels integers;
  if (call.class_weights == nullptr) {
    return hn::IfThenElseZero(hn::RebindMask(d, hn::Gt(label, hn::Set(integers, -1))), hn::Set(d, 1.0F));
  }
  Vector weight = hn::Zero(d);
  for (std::int64_t c = 0; c < call.classes; ++c) {
    const auto is_label = hn::RebindMask(d, hn::Eq(label, hn::Set(integers, static_cast<std::int32_t>(c))));
    weight = hn::IfThenElse(is_label, hn::Set(d, call.class_weights[c]), weight);
  }
  return weight;
}

/// The losses, and weights of labels, of the row or of one row a lane.
HWY_INLINE void store_losses(Floats d, const CrossEntropyCall& call, const RowSums& sums, hn::Vec<Labels> label, Vector label_logit,
                             Vector label_weight, float weights, std::size_t row, std::size_t count) {
  const Labels integers;
  const Vector own = hn::Add(sums.log_sum, hn::Sub(sums.maximum, label_logit));
  Vector loss = hn::Mul(hn::Mul(hn::Set(d, 1.0F - call.smoothing), label_weight), own);
  if (call.smoothing != 0.0F) {
    const Vector all = hn::MulAdd(sums.log_sum, hn::Set(d, weights), sums.distance);
    loss = hn::MulAdd(hn::Set(d, call.smoothing / static_cast<float>(call.classes)), all, loss);
  }
  const auto is_class = hn::RebindMask(d, hn::Gt(label, hn::Set(integers, -1)));
  const auto is_unknown = hn::RebindMask(d, hn::Eq(label, hn::Set(integers, kUnknown)));
  loss = hn::IfThenElse(is_unknown, hn::NaN(d), hn::IfThenElseZero(is_class, loss));
  store_some(d, loss, call.losses + row, count);
  if (call.row_weights != nullptr) store_some(d, label_weight, call.row_weights + row, count);
}

/// `count` short rows from `row` on, one a lane, through a transposed block; kClasses = 0: as many classes as the call says.
template <std::int64_t kClasses>
HWY_INLINE void short_block(Floats d, const CrossEntropyCall& call, std::size_t row, std::size_t count, float weights,
                            float* block) {
  const Labels integers;
  const std::int64_t classes = kClasses == 0 ? call.classes : kClasses;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(row) * classes;
  to_block(call.logits + at, classes, count, block);
  const auto label = load_labels(call, row, count);
  Vector label_logit = hn::Zero(d);  // read first: the probabilities take the logits' place
  for (std::int64_t c = 0; c < classes; ++c) {
    const auto is_label = hn::RebindMask(d, hn::Eq(label, hn::Set(integers, static_cast<std::int32_t>(c))));
    label_logit = hn::IfThenElse(is_label, hn::Load(d, block + c * lanes), label_logit);
  }
  const RowSums sums =
      sum_rows(d, call, walk_across(classes, lanes, count), block, call.probabilities == nullptr ? nullptr : block);
  if (call.probabilities != nullptr) from_block(block, classes, count, call.probabilities + at);
  store_losses(d, call, sums, label, label_logit, label_weights_of(d, call, label), weights, row, count);
}
template <std::int64_t kClasses>
void short_rows(const CrossEntropyCall& shared, WorkRange range, float weights) {
  const Floats d;
  const CrossEntropyCall call = shared;  // stores change nothing of it
  const std::size_t lanes = hn::Lanes(d);
  alignas(64) Block block;
  std::size_t row = range.begin;
  for (; row + lanes <= range.end; row += lanes) short_block<kClasses>(d, call, row, hn::Lanes(d), weights, block);
  if (row < range.end) short_block<0>(d, call, row, range.end - row, weights, block);
}

void cross_entropy_rows(const CrossEntropyCall& call, Worker worker) {
  const Floats d;
  const WorkRange range = split_work(static_cast<std::size_t>(call.rows), worker, hn::Lanes(d));
  const float weights = call.smoothing != 0.0F ? total_weight(call) : 0.0F;
  if (call.classes == 2) return short_rows<2>(call, range, weights);
  if (call.classes == 3) return short_rows<3>(call, range, weights);
  if (call.classes <= kShortRow) return short_rows<0>(call, range, weights);
  for (std::size_t row = range.begin; row < range.end; ++row) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(row) * call.classes;
    const std::int32_t label = label_of(call, row);
    // The label's logit is read first: the probabilities may take the logits' place.
    const Vector label_logit = hn::Set(d, label < 0 ? 0.0F : call.logits[at + label]);
    const Vector label_weight = hn::Set(d, label < 0 ? 0.0F : weight_of(call, label));
    const RowSums sums = sum_rows(d, call, walk_along(call.classes), call.logits + at,
                                  call.probabilities == nullptr ? nullptr : call.probabilities + at);
    store_losses(d, call, sums, hn::Set(Labels(), label), label_logit, label_weight, weights, row, 1);
  }
}

/// What the gradients of a row, or of one row a lane, are made of.
struct GradientTerms {
  Vector slope;     ///< dloss · (t + s·W)
  Vector at_label;  ///< dloss · t
  Vector at_all;    ///< dloss · s
};

/// p · slope - weight · at_all - [is_label] · at_label
HWY_INLINE Vector logit_gradient(const CrossEntropyCall& call, const GradientTerms& terms, Vector probability,
                                 hn::Mask<Floats> is_label, Vector class_weight) {
  Vector gradient = hn::Mul(probability, terms.slope);
  if (call.smoothing != 0.0F) {
    gradient =
        call.class_weights == nullptr ? hn::Sub(gradient, terms.at_all) : hn::NegMulAdd(class_weight, terms.at_all, gradient);
  }
  return hn::Sub(gradient, hn::IfThenElseZero(is_label, terms.at_label));
}

/// `count` values, `stride` apart (0: the same one).
HWY_INLINE Vector load_dlosses(Floats d, const float* dlosses, std::int64_t stride, std::size_t count) {
  if (stride == 1) return load_some(d, dlosses, count);
  alignas(64) float buffer[kMaxLanes] = {};
  for (std::size_t r = 0; r < count; ++r) buffer[r] = dlosses[static_cast<std::int64_t>(r) * stride];
  return hn::Load(d, buffer);
}

/// What cross_entropy_gradient() is told.
struct GradientCall {
  const float* dlosses;
  std::int64_t dloss_stride;
  float* dlogits;
  float share;   ///< s
  float smooth;  ///< s·W
};

/// As short_block().
template <std::int64_t kClasses>
HWY_INLINE void short_gradient_block(Floats d, const CrossEntropyCall& call, const GradientCall& gradient, std::size_t row,
                                     std::size_t count, float* block) {
  const Labels integers;
  const std::int64_t classes = kClasses == 0 ? call.classes : kClasses;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(row) * classes;
  const auto label = load_labels(call, row, count);
  const auto counted = hn::RebindMask(d, hn::Gt(label, hn::Set(integers, -1)));
  const float* const dlosses = gradient.dlosses + static_cast<std::int64_t>(row) * gradient.dloss_stride;
  const Vector upstream = load_dlosses(d, dlosses, gradient.dloss_stride, count);
  const Vector target = hn::Mul(hn::Set(d, 1.0F - call.smoothing), label_weights_of(d, call, label));
  const GradientTerms terms{hn::Mul(upstream, hn::Add(target, hn::Set(d, gradient.smooth))), hn::Mul(upstream, target),
                            hn::Mul(upstream, hn::Set(d, gradient.share))};
  to_block(call.probabilities + first, classes, count, block);
  for (std::int64_t c = 0; c < classes; ++c) {
    float* const at = block + c * lanes;
    const auto is_label = hn::RebindMask(d, hn::Eq(label, hn::Set(integers, static_cast<std::int32_t>(c))));
    const Vector class_weight = hn::Set(d, weight_of(call, c));
    const Vector value = logit_gradient(call, terms, hn::Load(d, at), is_label, class_weight);
    hn::Store(hn::IfThenElseZero(counted, value), d, at);
  }
  from_block(block, classes, count, gradient.dlogits + first);
}
template <std::int64_t kClasses>
void short_gradient_rows(const CrossEntropyCall& shared, const GradientCall& shared_gradient, WorkRange range) {
  const Floats d;
  const CrossEntropyCall call = shared;  // stores change nothing of them
  const GradientCall gradient = shared_gradient;
  const std::size_t lanes = hn::Lanes(d);
  alignas(64) Block block;
  std::size_t row = range.begin;
  for (; row + lanes <= range.end; row += lanes) short_gradient_block<kClasses>(d, call, gradient, row, hn::Lanes(d), block);
  if (row < range.end) short_gradient_block<0>(d, call, gradient, row, range.end - row, block);
}

/// With p the probabilities, t = (1 - smoothing) · weight(label), s = smoothing / classes and W = Σ_c weight_c:
/// dlogits_c = dloss · (p_c·(t + s·W) - s·weight_c - [c = label]·t).
void cross_entropy_gradient_rows(const CrossEntropyCall& call, const float* dlosses, std::int64_t dloss_stride, float* dlogits,
                                 Worker worker) {
  if (call.classes <= 0) return;
  const Floats d;
  const WorkRange range = split_work(static_cast<std::size_t>(call.rows), worker, hn::Lanes(d));
  const float share = call.smoothing / static_cast<float>(call.classes);
  const float smooth = share != 0.0F ? share * total_weight(call) : 0.0F;
  const GradientCall gradient{dlosses, dloss_stride, dlogits, share, smooth};
  if (call.classes == 2) return short_gradient_rows<2>(call, gradient, range);
  if (call.classes == 3) return short_gradient_rows<3>(call, gradient, range);
  if (call.classes <= kShortRow) return short_gradient_rows<0>(call, gradient, range);
  const Labels integers;
  const auto lane_numbers = hn::Iota(integers, 0);
  const Walk walk = walk_along(call.classes);
  for (std::size_t row = range.begin; row < range.end; ++row) {
    const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(row) * call.classes;
    const std::int32_t label = label_of(call, row);
    if (label < 0) {
      std::fill_n(dlogits + first, call.classes, 0.0F);
      continue;
    }
    const float upstream = dlosses[static_cast<std::int64_t>(row) * dloss_stride];
    const float target = (1.0F - call.smoothing) * weight_of(call, label);
    const GradientTerms terms{hn::Set(d, upstream * (target + smooth)), hn::Set(d, upstream * target),
                              hn::Set(d, upstream * share)};
    for (std::int64_t step = 0; step < walk.steps; ++step) {
      const std::ptrdiff_t at = step * walk.stride;
      const std::size_t count = walk.count_at(step);
      const auto is_label = hn::RebindMask(d, hn::Eq(lane_numbers, hn::Set(integers, static_cast<std::int32_t>(label - at))));
      const Vector class_weight = call.class_weights == nullptr ? hn::Zero(d) : load_some(d, call.class_weights + at, count);
      const Vector probability = load_some(d, call.probabilities + first + at, count);
      store_some(d, logit_gradient(call, terms, probability, is_label, class_weight), dlogits + first + at, count);
    }
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(cross_entropy_rows);
HWY_EXPORT(cross_entropy_gradient_rows);

void cross_entropy(const CrossEntropyCall& call, Worker worker) noexcept { HWY_DYNAMIC_DISPATCH(cross_entropy_rows)(call, worker); }
void cross_entropy_gradient(const CrossEntropyCall& call, const float* dlosses, std::int64_t dloss_stride, float* dlogits,
                            Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(cross_entropy_gradient_rows)(call, dlosses, dloss_stride, dlogits, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
