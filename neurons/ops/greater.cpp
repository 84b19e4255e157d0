#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/comparison.hpp"

namespace neurons::ops {

std::vector<OpDef> greater() {
  return {
      comparison("Greater", "y = whether a > b, broadcasting; false where either is NaN", 9, kernels::greater, std::greater<>())};
}

}  // namespace neurons::ops
