#include "neurons/ops/common/pool.hpp"

namespace neurons::ops {
namespace {

struct GlobalLpPoolOptions {
  std::int64_t p = 2;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("p", self.p);
  }
};

}  // namespace

std::vector<OpDef> global_lp_pool() {
  return {global_pool("GlobalLpPool", "y[n, c] = (Σ |x|^p)^(1/p) over all pixels", 2, "LpPool", GlobalLpPoolOptions{})};
}

}  // namespace neurons::ops
