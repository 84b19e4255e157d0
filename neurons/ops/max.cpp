#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/selection.hpp"

namespace neurons::ops {

std::vector<OpDef> max() {
  return {selection("Max", "y = the largest of the inputs, broadcasting; NaN if any is NaN", 1, kernels::maximum,
                    [](auto a, auto b) { return b > a || b != b ? b : a; })};
}

}  // namespace neurons::ops
