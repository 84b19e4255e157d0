#include "neurons/ops/common/sum_pool.hpp"

namespace neurons::ops {
namespace {

struct SumPoolOptions : PoolOptions {
  kernels::PoolDivisor divisor() const { return kernels::PoolDivisor::one; }
};

}  // namespace

/// The sum under LpPool.
std::vector<OpDef> sum_pool() {
  std::vector<OpDef> ops = sum_pool_ops<SumPoolOptions>("SumPool", "y[n, c, p] = the sum of x over the window at p",
                                                        "dx = Σ dy over the windows that show it; input dy", {{}});
  ops[0].source = "the sum of https://onnx.ai/onnx/operators/onnx__LpPool.html";
  ops[1].source = ops[0].source;
  return ops;
}

}  // namespace neurons::ops
