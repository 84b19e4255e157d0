#include "neurons/ops/common/comparison.hpp"

namespace neurons::ops {

std::vector<OpDef> logical_xor() {
  return {logical<2>("Xor", "y = either a or b, broadcasting", 7, [](bool a, bool b) { return a != b; })};
}

}  // namespace neurons::ops
