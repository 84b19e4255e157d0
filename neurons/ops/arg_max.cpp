#include "neurons/ops/common/arg_extremum.hpp"

namespace neurons::ops {

std::vector<OpDef> arg_max() { return {arg_extremum("ArgMax", "y = the place of the largest element along the axis", 1)}; }

}  // namespace neurons::ops
