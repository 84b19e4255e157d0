#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> sigmoid() {
  Activation activation;
  activation.forward = unary("Sigmoid", "y = 1 / (1 + e^-x)", kernels::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); });
  activation.forward.onnx = {{"Sigmoid", 6, ""}};
  activation.gradient_function = kernels::sigmoid_gradient_from_output;
  activation.derivative = [](const double* y, const Options&) { return *y * (1 - *y); };
  activation.saved = Saved::output;
  activation.derivative_graph = [](Value y, const Options&) { return y * (1.0 - y); };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
