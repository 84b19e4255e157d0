#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/comparison.hpp"

namespace neurons::ops {

std::vector<OpDef> less_or_equal() {
  return {comparison("LessOrEqual", "y = whether a ≤ b, broadcasting; false where either is NaN", 12, kernels::less_or_equal,
                     std::less_equal<>())};
}

}  // namespace neurons::ops
