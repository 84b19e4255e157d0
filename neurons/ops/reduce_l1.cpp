#include <cmath>

#include "neurons/ops/common/reduction.hpp"

namespace neurons::ops {

std::vector<OpDef> reduce_l1() {
  ReductionRule rule{"ReduceL1", "The sum of absolute values over the axes", kernels::Reduction::sum_of_absolutes, {}, {}, {}};
  rule.reference = [](std::span<const double> x) {
    double sum = 0;
    for (const double value : x) sum += std::abs(value);
    return sum;
  };
  rule.single = [](Value x) { return x.graph().emit("Abs", {x}); };
  rule.gradient = [](GradientContext& context) {
    const Value sign = context.graph().emit("Sign", {context.input(0)});
    context.set(0, sign * with_kept_axes(context, context.gradient()));
  };
  return {reduction_op(std::move(rule), Sample::Fill::away_from_0)};
}

}  // namespace neurons::ops
