#pragma once
/// For tests that run on every SIMD target that this machine has.

#include <cstdint>
#include <string>
#include <vector>

#include "neurons/kernels/simd_targets.hpp"
// Highway's own headers come after the choice of targets.
#include <hwy/targets.h>

namespace neurons::kernels {

/// The compiled targets that this machine supports, best first.
inline std::vector<std::int64_t> simd_targets() {
  std::vector<std::int64_t> targets;
  const std::int64_t supported = hwy::SupportedTargets() & HWY_TARGETS;
  for (std::int64_t rest = supported; rest != 0; rest &= rest - 1) targets.push_back(rest & -rest);
  return targets;
}

inline std::string simd_target_name(std::int64_t target) { return hwy::TargetName(target); }

/// Makes the kernels use one target from now on; 0: the best one.
inline void use_simd_target(std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace neurons::kernels
