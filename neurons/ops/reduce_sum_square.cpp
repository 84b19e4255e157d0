#include "neurons/ops/common/reduction.hpp"

namespace neurons::ops {

std::vector<OpDef> reduce_sum_square() {
  ReductionRule rule{"ReduceSumSquare", "The sum of squares over the axes", kernels::Reduction::sum_of_squares, {}, {}, {}};
  rule.reference = [](std::span<const double> x) {
    double sum = 0;
    for (const double value : x) sum += value * value;
    return sum;
  };
  rule.single = [](Value x) { return x * x; };
  rule.gradient = [](GradientContext& context) {
    context.set(0, context.input(0) * (with_kept_axes(context, context.gradient()) * 2.0));
  };
  return {reduction_op(std::move(rule), Sample::Fill::normal)};
}

}  // namespace neurons::ops
