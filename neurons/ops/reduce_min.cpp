#include "neurons/ops/common/extremum.hpp"

namespace neurons::ops {

std::vector<OpDef> reduce_min() {
  return {
      extremum_reduction("ReduceMin", "The smallest over the axes; NaN if any is NaN, +inf of none", kernels::Reduction::minimum)};
}

}  // namespace neurons::ops
