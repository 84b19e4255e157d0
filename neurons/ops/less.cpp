#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/comparison.hpp"

namespace neurons::ops {

std::vector<OpDef> less() {
  return {comparison("Less", "y = whether a < b, broadcasting; false where either is NaN", 9, kernels::less, std::less<>())};
}

}  // namespace neurons::ops
