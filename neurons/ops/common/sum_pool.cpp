#include "neurons/ops/common/sum_pool.hpp"

namespace neurons::ops {

void run_sum_pool(const SumPoolCall& call, std::byte*, Worker worker) noexcept {
  kernels::sum_pool(call.shape, call.divisor, call.from, call.to, worker);
}

void run_sum_pool_gradient(const SumPoolCall& call, std::byte*, Worker worker) noexcept {
  kernels::sum_pool_gradient(call.shape, call.divisor, call.from, call.to, worker);
}

double divisor_of(const PoolWindow& window, kernels::PoolDivisor divisor) {
  switch (divisor) {
    case kernels::PoolDivisor::one:
      return 1;
    case kernels::PoolDivisor::inside:
      return static_cast<double>(window.x.size());
    case kernels::PoolDivisor::padded:
      return static_cast<double>(window.padded);
  }
  return 1;
}

}  // namespace neurons::ops
