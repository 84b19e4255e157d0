#include "neurons/ops/common/pool.hpp"

namespace neurons::ops {

std::vector<OpDef> global_max_pool() {
  return {global_pool("GlobalMaxPool", "y[n, c] = the largest x of all pixels", 1, "MaxPool", {})};
}

}  // namespace neurons::ops
