// Sums over the lanes of vectors, four vectors at a time. Compiled once per target.

#if defined(NEURONS_KERNELS_LANE_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_LANE_SUMS_INL_H_
#undef NEURONS_KERNELS_LANE_SUMS_INL_H_
#else
#define NEURONS_KERNELS_LANE_SUMS_INL_H_
#endif

#include "neurons/kernels/map-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

using Quad = hn::FixedTag<float, 4>;

/// Lower half plus upper half, down to four lanes.
template <class D>
HWY_INLINE hn::Vec<Quad> fold([[maybe_unused]] D d, hn::Vec<D> values) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return values;
  } else {
    const hn::Half<D> half;
    return fold(half, hn::Add(hn::LowerHalf(half, values), hn::UpperHalf(half, values)));
  }
}

/// The sums of the lanes of four vectors, each in the same order.
HWY_INLINE hn::Vec<Quad> sum_lanes(const Vector* sums) {
  const Floats d;
  const hn::Repartition<double, Floats> pairs;
  const auto halves = [&](int i) HWY_ATTR {
    return hn::BitCast(pairs, hn::Add(hn::InterleaveLower(d, sums[i], sums[i + 1]), hn::InterleaveUpper(d, sums[i], sums[i + 1])));
  };
  const auto left = halves(0);
  const auto right = halves(2);
  const Vector blocks =
      hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, left, right)), hn::BitCast(d, hn::InterleaveUpper(pairs, left, right)));
  return fold(d, blocks);
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_LANE_SUMS_INL_H_
