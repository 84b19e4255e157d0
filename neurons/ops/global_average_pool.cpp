#include "neurons/ops/common/pool.hpp"

namespace neurons::ops {

std::vector<OpDef> global_average_pool() {
  return {global_pool("GlobalAveragePool", "y[n, c] = the mean of x over all pixels", 1, "AveragePool", {})};
}

}  // namespace neurons::ops
