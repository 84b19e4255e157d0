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
  OpDef op = global_pool("GlobalLpPool", "y[n, c] = (Σ |x|^p)^(1/p) over all pixels", 2, "LpPool", GlobalLpPoolOptions{});
  op.infer = [own = std::move(op.infer)](const InferContext& context) {
    require_norm(context, context.as<GlobalLpPoolOptions>().p);
    return own(context);
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
