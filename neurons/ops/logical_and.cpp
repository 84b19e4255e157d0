#include "neurons/ops/common/comparison.hpp"

namespace neurons::ops {

std::vector<OpDef> logical_and() {
  return {logical<2>("And", "y = a and b, broadcasting", 7, [](bool a, bool b) { return a && b; })};
}

}  // namespace neurons::ops
