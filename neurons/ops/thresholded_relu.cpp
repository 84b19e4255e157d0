#include "neurons/ops/common/activation_options.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/elementwise.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {

std::vector<OpDef> thresholded_relu() {
  OpDef op = elementwise("ThresholdedRelu", "y = x where x > alpha, else 0", 1, nullptr,
                         [](const double* x, const Options& options) { return *x <= alpha_of(options) ? 0 : *x; });
  op.default_options = SlopeOptions{1.0F};
  replace_by(op, [](const RewriteContext& context) {
    const Value x = context.inputs[0];
    const Value low = context.graph.emit("LessOrEqual", {x, number_like(x, alpha_of(context.options))});
    return std::vector{choose(low, 0.0, x)};
  });
  op.onnx = {{"ThresholdedRelu", 10, ""}};
  op.samples = [] {
    std::vector<Sample> samples = unary_samples(Sample::Fill::away_from_0, SlopeOptions{0.125F});
    samples.push_back({{{{DType::f32, {5, 7}}, Sample::Fill::away_from_0}}, SlopeOptions{-0.125F}, "below 0"});
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
