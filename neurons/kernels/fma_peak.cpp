#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/fma_peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <chrono>

#include "neurons/kernels/micro_kernel-inl.h"
#include "neurons/kernels/weighted_sum.hpp"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Independent chains of multiply-adds: as many as hide the latency and fit the registers.
constexpr int kChains = kMaxSums < 24 ? 12 : 24;

/// `rounds` multiply-adds on every chain; returns the floating-point operations done. `value` decouples it from the compiler.
double run_chains(std::int64_t rounds, float* value) {
  const Floats d;
  const Vector factor = hn::Set(d, value[0]);
  const Vector term = hn::Set(d, value[1]);
  Vector chain[kChains];
  NEURONS_UNROLL
  for (int i = 0; i < kChains; ++i) chain[i] = hn::Set(d, static_cast<float>(i));
  for (std::int64_t round = 0; round < rounds; ++round) {
    NEURONS_UNROLL
    for (int i = 0; i < kChains; ++i) chain[i] = hn::MulAdd(chain[i], factor, term);
  }
  Vector sum = chain[0];
  NEURONS_UNROLL
  for (int i = 1; i < kChains; ++i) sum = hn::Add(sum, chain[i]);
  value[2] = hn::GetLane(sum);
  return 2.0 * kChains * kLanes * static_cast<double>(rounds);
}

const char* name_of_target() { return hwy::TargetName(HWY_TARGET); }

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(run_chains);
HWY_EXPORT(name_of_target);

double measure_fma_peak(double milliseconds) noexcept {
  using Clock = std::chrono::steady_clock;
  constexpr std::int64_t kRounds = 10000;  // about 0.1 ms
  float value[3] = {0.5F, 1.0F, 0.0F};
  double best = 0.0;
  const Clock::time_point start = Clock::now();
  for (;;) {
    const Clock::time_point before = Clock::now();
    const double operations = HWY_DYNAMIC_DISPATCH(run_chains)(kRounds, value);
    const Clock::time_point after = Clock::now();
    best = std::max(best, operations / std::chrono::duration<double, std::nano>(after - before).count());
    if (std::chrono::duration<double, std::milli>(after - start).count() >= milliseconds) return best;
  }
}

const char* simd_target() noexcept { return HWY_DYNAMIC_DISPATCH(name_of_target)(); }

}  // namespace neurons::kernels
#endif  // HWY_ONCE
