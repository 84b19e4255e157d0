#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/comparison.hpp"

namespace neurons::ops {

std::vector<OpDef> equal() {
  return {comparison("Equal", "y = whether a = b, broadcasting; false where either is NaN", 7, kernels::equal, std::equal_to<>())};
}

}  // namespace neurons::ops
