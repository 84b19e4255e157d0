#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {
namespace {

/// tanh(softplus(x)).
double gate(double x) { return std::tanh(std::fmax(x, 0) + std::log1p(std::exp(-std::abs(x)))); }

}  // namespace

std::vector<OpDef> mish() {
  Activation activation;
  activation.forward = unary("Mish", "y = x · tanh(softplus(x))", kernels::mish, [](double x) { return x * gate(x); });
  activation.forward.onnx = {{"Mish", 18, ""}};
  activation.gradient_function = kernels::mish_gradient;
  activation.derivative = [](const double* x, const Options&) {
    const double t = gate(*x);
    return t + *x * (1 - t * t) / (1 + std::exp(-*x));
  };
  activation.derivative_graph = [](Value x, const Options&) {
    Graph& graph = x.graph();
    const Value t = graph.emit("Tanh", {graph.emit("Softplus", {x})});
    return t + x * (1.0 - t * t) * graph.emit("Sigmoid", {x});
  };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
