#include "neurons/ops/common/extremum.hpp"

namespace neurons::ops {

std::vector<OpDef> reduce_max() {
  return {
      extremum_reduction("ReduceMax", "The largest over the axes; NaN if any is NaN, -inf of none", kernels::Reduction::maximum)};
}

}  // namespace neurons::ops
