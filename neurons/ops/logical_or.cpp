#include "neurons/ops/common/comparison.hpp"

namespace neurons::ops {

std::vector<OpDef> logical_or() {
  return {logical<2>("Or", "y = a or b, broadcasting", 7, [](bool a, bool b) { return a || b; })};
}

}  // namespace neurons::ops
