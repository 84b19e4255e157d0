#include "neurons/ops/common/comparison.hpp"

namespace neurons::ops {

std::vector<OpDef> logical_not() {
  return {logical<1>("Not", "y = not x", 1, [](bool x) { return !x; })};
}

}  // namespace neurons::ops
