#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/reduction.hpp"

namespace neurons::ops {

std::vector<OpDef> reduce_prod() {
  ReductionRule rule{"ReduceProd", "The product over the axes; of no elements, 1", kernels::Reduction::product, {}, {}, {}};
  rule.reference = [](std::span<const double> x) {
    double product = 1;
    for (const double value : x) product *= value;
    return product;
  };
  rule.gradient = [](GradientContext& context) {  // dx = dy · y / x: NaN where x is 0
    const Value y = with_kept_axes(context, context.output());
    context.set(0, with_kept_axes(context, context.gradient()) * y / context.input(0));
  };
  return {reduction_op(std::move(rule), Sample::Fill::away_from_0)};
}

}  // namespace neurons::ops
