#include "neurons/ops/common/extremum.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {
namespace {

void gradient(GradientContext& context) {
  Graph& graph = context.graph();
  const Value x = context.input(0);
  const Value won =
      graph.emit("Where", {graph.emit("Equal", {x, with_kept_axes(context, context.output())}), graph.scalar(1), graph.scalar(0)});
  const auto& options = context.as<ReductionOptions>();
  std::vector<std::int64_t> axes;
  const auto reduced = options.reduced(x.shape());
  for (std::size_t axis = 0; axis < reduced.size(); ++axis) {
    if (reduced[axis]) axes.push_back(static_cast<std::int64_t>(axis));
  }
  const Value share = with_kept_axes(context, context.gradient()) / sum_over(won, axes, true);
  context.set(0, won * share);
}

}  // namespace

OpDef extremum_reduction(std::string name, std::string summary, kernels::Reduction reduction) {
  ReductionRule rule{std::move(name), std::move(summary), reduction, {}, {}, gradient};
  const double sign = reduction == kernels::Reduction::maximum ? 1 : -1;
  rule.reference = [sign](std::span<const double> x) {
    double best = -sign * std::numeric_limits<double>::infinity();
    for (const double value : x) {
      if (std::isnan(value)) return value;
      if (sign * value > sign * best) best = value;
    }
    return best;
  };
  return reduction_op(std::move(rule), Sample::Fill::distinct);
}

}  // namespace neurons::ops
