#include <numeric>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/reduction.hpp"

namespace neurons::ops {

std::vector<OpDef> reduce_mean() {
  ReductionRule rule{"ReduceMean", "The mean over the axes; of no elements, NaN", kernels::Reduction::mean, {}, {}, {}};
  rule.reference = [](std::span<const double> x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  };
  rule.gradient = [](GradientContext& context) {
    const Shape& shape = context.input(0).shape();
    const Value dy = with_kept_axes(context, context.gradient());
    const std::int64_t results = dy.shape().elements();
    const double share = results == 0 ? 0 : static_cast<double>(results) / static_cast<double>(shape.elements());
    context.set(0, expanded(dy * share, shape));
  };
  return {reduction_op(std::move(rule), Sample::Fill::normal)};
}

}  // namespace neurons::ops
