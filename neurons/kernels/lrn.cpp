#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/lrn.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "neurons/kernels/lrn.hpp"
#include "neurons/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Pixels of which all channels are computed in one go: they are then in the second-level cache.
constexpr std::int64_t kPixels = 256;

/// One vector of pixels in one channel.
HWY_INLINE void respond(const LocalResponse& call, std::int64_t channel, const float* x, float* y, std::size_t count) {
  const Floats d;
  const std::int64_t begin = std::max<std::int64_t>(0, channel - call.before);
  const std::int64_t end = std::min(call.channels, channel + call.after + 1);
  Vector sum = hn::Zero(d);
  for (std::int64_t c = begin; c < end; ++c) {
    const Vector value = load_some(d, x + (c - channel) * call.pixels, count);
    sum = hn::MulAdd(value, value, sum);
  }
  const Vector base = hn::MulAdd(sum, hn::Set(d, call.share), hn::Set(d, call.bias));
  const Vector scale = exp(d, hn::Mul(log(d, base), hn::Set(d, -call.beta)));
  store_some(d, hn::Mul(load_some(d, x, count), scale), y, count);
}

void local_response_blocks(const LocalResponse& call, Worker worker) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Floats()));
  const std::int64_t blocks = (call.pixels + kPixels - 1) / kPixels;
  const WorkRange range = split_work(static_cast<std::size_t>(call.batch * blocks), worker);
  for (auto block = static_cast<std::int64_t>(range.begin); block < static_cast<std::int64_t>(range.end); ++block) {
    const std::int64_t first = block % blocks * kPixels;
    const std::int64_t last = std::min(call.pixels, first + kPixels);
    for (std::int64_t channel = 0; channel < call.channels; ++channel) {
      const std::int64_t row = (block / blocks * call.channels + channel) * call.pixels;
      for (std::int64_t pixel = first; pixel < last; pixel += lanes) {
        const auto count = static_cast<std::size_t>(std::min(lanes, last - pixel));
        respond(call, channel, call.x + row + pixel, call.y + row + pixel, count);
      }
    }
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(local_response_blocks);

void local_response(const LocalResponse& call, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(local_response_blocks)(call, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
