#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/selection.hpp"

namespace neurons::ops {

std::vector<OpDef> min() {
  return {selection("Min", "y = the smallest of the inputs, broadcasting; NaN if any is NaN", -1, kernels::minimum,
                    [](auto a, auto b) { return b < a || b != b ? b : a; })};
}

}  // namespace neurons::ops
