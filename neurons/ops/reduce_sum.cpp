#include <numeric>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/reduction.hpp"

namespace neurons::ops {

std::vector<OpDef> reduce_sum() {
  ReductionRule rule{"ReduceSum", "The sum over the axes", kernels::Reduction::sum, {}, {}, {}};
  rule.reference = [](std::span<const double> x) { return std::accumulate(x.begin(), x.end(), 0.0); };
  rule.gradient = [](GradientContext& context) {
    context.set(0, expanded(with_kept_axes(context, context.gradient()), context.input(0).shape()));
  };
  return {reduction_op(std::move(rule), Sample::Fill::normal)};
}

}  // namespace neurons::ops
