#include "neurons/kernels/scale_bytes.hpp"

#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/scale_bytes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void scale_all(std::int64_t count, const std::uint8_t* HWY_RESTRICT x, float scale, float offset, float* HWY_RESTRICT y) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<std::int32_t, decltype(d)> integers;
  const hn::Rebind<std::uint8_t, decltype(d)> bytes;
  constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(d));
  const auto factor = hn::Set(d, scale);
  const auto shift = hn::Set(d, offset);
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const auto value = hn::ConvertTo(d, hn::PromoteTo(integers, hn::LoadU(bytes, x + i)));
    hn::StoreU(hn::Add(hn::Mul(value, factor), shift), d, y + i);
  }
  for (; i < count; ++i) y[i] = static_cast<float>(x[i]) * scale + offset;
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(scale_all);

void scale_bytes(std::int64_t count, const std::uint8_t* x, float scale, float offset, float* y) noexcept {
  HWY_DYNAMIC_DISPATCH(scale_all)(count, x, scale, offset, y);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
