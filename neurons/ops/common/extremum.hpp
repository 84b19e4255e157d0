#pragma once
/// ReduceMax and ReduceMin, which differ in a sign.

#include "neurons/ops/common/reduction.hpp"

namespace neurons::ops {

/// The op for Reduction::maximum or Reduction::minimum. The gradient is shared equally between equal winners.
OpDef extremum_reduction(std::string name, std::string summary, kernels::Reduction reduction);

}  // namespace neurons::ops
