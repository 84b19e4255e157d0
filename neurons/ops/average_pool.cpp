#include "neurons/ops/common/sum_pool.hpp"

namespace neurons::ops {
namespace {

struct AveragePoolOptions : PoolOptions {
  bool count_include_pad = false;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    PoolOptions::fields(self, visit);
    visit("count_include_pad", self.count_include_pad);
  }
  kernels::PoolDivisor divisor() const { return count_include_pad ? kernels::PoolDivisor::padded : kernels::PoolDivisor::inside; }
};

}  // namespace

/// Places behind the padding, where only ceil_mode's last window reaches, never count.
std::vector<OpDef> average_pool() {
  std::vector<OpDef> ops = sum_pool_ops<AveragePoolOptions>(
      "AveragePool", "y[n, c, p] = the mean of x over the window at p; padding counts as zeros with count_include_pad, else not",
      "dx = Σ dy / count over the windows that show it; input dy", {{{}, false}, {{}, true}});
  ops[0].source = "https://onnx.ai/onnx/operators/onnx__AveragePool.html";
  ops[0].onnx = {{"AveragePool", 1, ""}};
  ops[1].source = "the transpose of " + ops[0].source;
  return ops;
}

}  // namespace neurons::ops
