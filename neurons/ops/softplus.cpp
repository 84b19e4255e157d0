#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> softplus() {
  Activation activation;
  activation.forward = unary("Softplus", "y = ln(1 + e^x)", kernels::softplus,
                             [](double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::abs(x))); });
  activation.forward.onnx = {{"Softplus", 1, ""}};
  activation.gradient_function = kernels::softplus_gradient;
  activation.derivative = [](const double* x, const Options&) { return 1 / (1 + std::exp(-*x)); };
  activation.derivative_graph = [](Value x, const Options&) { return x.graph().emit("Sigmoid", {x}); };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
