#include <cmath>
#include <numbers>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {
namespace {

struct GeluOptions {
  std::string approximate = "none";  ///< "none": by erf; "tanh": by tanh
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("approximate", self.approximate);
  }
};

bool by_tanh(const Options& options) { return options.as<GeluOptions>().approximate == "tanh"; }

/// tanh(scale · (x + cubic · x³)) / 2 + 1/2 stands for the normal distribution's integral Φ(x).
constexpr double kScale = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
constexpr double kCubic = 0.044715;

double value(const double* x, const Options& options) {
  if (by_tanh(options)) return *x * 0.5 * (1 + std::tanh(kScale * (*x + kCubic * *x * *x * *x)));
  return *x * 0.5 * std::erfc(-*x / std::numbers::sqrt2);
}

/// Φ(x) + x · Φ'(x).
double derivative(const double* x, const Options& options) {
  if (!by_tanh(options)) {
    return 0.5 * std::erfc(-*x / std::numbers::sqrt2) +
           *x * std::exp(-*x * *x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  }
  const double t = std::tanh(kScale * (*x + kCubic * *x * *x * *x));
  return 0.5 * (1 + t) + 0.5 * *x * (1 - t * t) * kScale * (1 + 3 * kCubic * *x * *x);
}

Value derivative_graph(Value x, const Options& options) {
  Graph& graph = x.graph();
  const Value square = x * x;
  if (!by_tanh(options)) {
    const Value integral = graph.emit("Erf", {x * (1 / std::numbers::sqrt2)}) * 0.5 + 0.5;
    return integral + x * graph.emit("Exp", {square * -0.5}) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  }
  const Value t = graph.emit("Tanh", {x * (square * (kScale * kCubic) + kScale)});
  return (t + 1.0) * 0.5 + x * (1.0 - t * t) * (square * (1.5 * kScale * kCubic) + 0.5 * kScale);
}

/// Lets the op take `tanh` instead of its own loop where the options say so.
void choose_loop(OpDef& op, kernels::TileFunction tanh) {
  op.elementwise->function = [own = op.elementwise->function, tanh](const InferContext& context) {
    const kernels::TileFunction loop = own(context);
    return loop != nullptr && by_tanh(context.options) ? tanh : loop;
  };
}

std::vector<Sample> samples() {
  std::vector<Sample> samples = unary_samples(Sample::Fill::normal, GeluOptions{});
  for (Sample& sample : unary_samples(Sample::Fill::normal, GeluOptions{"tanh"})) samples.push_back(std::move(sample));
  return samples;
}

/// What training computes: whoever makes y has nearly all of its slope, and the way back multiplies.
OpDef gelu_and_slope() {
  OpDef op = elementwise("GeluAndSlope", "y = x · Φ(x) and dy/dx = Φ(x) + x · Φ'(x), Φ the normal distribution's integral", 1,
                         kernels::gelu_erf_and_slope, value);
  op.source = "Hendrycks and Gimpel, Gaussian Error Linear Units, 2016";
  op.infer = [one = op.infer](const InferContext& context) -> std::vector<TensorType> {
    const TensorType type = one(context).front();
    return {type, type};
  };
  op.reference = [](const ReferenceContext& context) {
    const GeluOptions by_erf;
    const auto& x = context.inputs[0]->data;
    for (std::size_t i = 0; i < x.size(); ++i) {
      context.outputs[0].data[i] = value(&x[i], by_erf);
      context.outputs[1].data[i] = derivative(&x[i], by_erf);
    }
  };
  op.decompose = [](const RewriteContext& context) -> std::vector<Value> {
    const Value x = context.inputs[0];
    return {context.graph.emit("Gelu", {x}), derivative_graph(x, GeluOptions{})};
  };
  op.gradient = [](GradientContext& context) {
    Value dx;
    if (context.has_gradient(0)) dx = context.gradient(0) * context.output(1);
    if (context.has_gradient(1)) {  // the slope's slope is (2 - x²) · Φ'(x)
      const Value square = context.input(0) * context.input(0);
      const Value bell = context.graph().emit("Exp", {square * -0.5}) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
      const Value more = context.gradient(1) * (2.0 - square) * bell;
      dx = dx ? dx + more : more;
    }
    context.set(0, dx);
  };
  op.samples = [] { return unary_samples(Sample::Fill::normal); };
  return op;
}

}  // namespace

std::vector<OpDef> gelu() {
  Activation activation;
  activation.forward = elementwise("Gelu", "y = x · Φ(x), Φ the normal distribution's integral or its approximation by tanh", 1,
                                   kernels::gelu_erf, value);
  activation.forward.default_options = GeluOptions{};
  activation.forward.onnx = {{"Gelu", 20, ""}};
  activation.forward.samples = samples;
  activation.gradient_function = kernels::gelu_erf_gradient;
  activation.derivative = derivative;
  activation.derivative_graph = derivative_graph;
  auto ops = with_derivative(std::move(activation));
  ops[0].infer = [floats = ops[0].infer](const InferContext& context) {
    const std::string& approximate = context.as<GeluOptions>().approximate;
    if (approximate != "none" && approximate != "tanh") context.fail("approximate must be \"none\" or \"tanh\"");
    return floats(context);
  };
  choose_loop(ops[0], kernels::gelu_tanh);
  choose_loop(ops[1], kernels::gelu_tanh_gradient);
  ops[1].samples = [] {
    std::vector<Sample> both;
    for (const char* approximate : {"none", "tanh"}) {
      both.push_back({{{{DType::f32, {5, 7}}}, {{DType::f32, {5, 7}}}}, GeluOptions{approximate}, approximate});
    }
    return both;
  };
  ops.push_back(gelu_and_slope());
  return ops;
}

}  // namespace neurons::ops
