#include "neurons/ops/common/arg_extremum.hpp"

namespace neurons::ops {

std::vector<OpDef> arg_min() { return {arg_extremum("ArgMin", "y = the place of the smallest element along the axis", -1)}; }

}  // namespace neurons::ops
