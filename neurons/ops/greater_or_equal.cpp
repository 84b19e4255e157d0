#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/comparison.hpp"

namespace neurons::ops {

std::vector<OpDef> greater_or_equal() {
  return {comparison("GreaterOrEqual", "y = whether a ≥ b, broadcasting; false where either is NaN", 12, kernels::greater_or_equal,
                     std::greater_equal<>())};
}

}  // namespace neurons::ops
