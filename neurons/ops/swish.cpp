#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/activation_options.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {
namespace {

/// y = x · s with s = sigmoid(alpha · x), y' = s + alpha · y · (1 - s).
double sigmoid_of(double x, const Options& options) { return 1 / (1 + std::exp(-alpha_of(options) * x)); }

Value derivative_graph(Value x, const Options& options) {
  const double alpha = alpha_of(options);
  const Value s = x.graph().emit("Sigmoid", {alpha == 1 ? x : x * alpha});
  return s + x * s * (1.0 - s) * alpha;
}

/// The loops know alpha = 1 alone; others go by way of Sigmoid.
void only_plain(OpDef& op) {
  op.elementwise->function = [plain = op.elementwise->function](const InferContext& context) {
    return alpha_of(context.options) == 1 ? plain(context) : nullptr;
  };
}

std::vector<Sample> samples() {
  std::vector<Sample> samples = unary_samples(Sample::Fill::normal, SlopeOptions{1.0F});
  samples.push_back({{{{DType::f32, {5, 7}}}}, SlopeOptions{1.75F}, "alpha 1.75"});
  return samples;
}

}  // namespace

std::vector<OpDef> swish() {
  Activation activation;
  activation.forward = elementwise("Swish", "y = x · sigmoid(alpha · x); alpha = 1 is SiLU", 1, kernels::silu,
                                   [](const double* x, const Options& options) { return *x * sigmoid_of(*x, options); });
  activation.forward.default_options = SlopeOptions{1.0F};
  activation.forward.onnx = {{"Swish", 24, ""}};
  activation.forward.samples = samples;
  activation.gradient_function = kernels::silu_gradient;
  activation.derivative = [](const double* x, const Options& options) {
    const double s = sigmoid_of(*x, options);
    return s + alpha_of(options) * *x * s * (1 - s);
  };
  activation.derivative_graph = derivative_graph;
  auto ops = with_derivative(std::move(activation));
  for (OpDef& op : ops) only_plain(op);
  ops[0].simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const double alpha = alpha_of(context.options);
    if (alpha == 1) return std::nullopt;
    return std::vector{context.inputs[0] * context.graph.emit("Sigmoid", {context.inputs[0] * alpha})};
  };
  ops[1].simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    if (alpha_of(context.options) == 1) return std::nullopt;
    return std::vector{context.inputs[0] * derivative_graph(context.inputs[1], context.options)};
  };
  ops[1].samples = [] {
    std::vector<Sample> both;
    for (const float alpha : {1.0F, 1.75F}) {
      both.push_back({{{{DType::f32, {5, 7}}}, {{DType::f32, {5, 7}}}}, SlopeOptions{alpha}, fmt::format("alpha {}", alpha)});
    }
    return both;
  };
  return ops;
}

}  // namespace neurons::ops
