#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> tanh() {
  Activation activation;
  activation.forward = unary("Tanh", "y = tanh x", kernels::tanh, [](double x) { return std::tanh(x); });
  activation.forward.onnx = {{"Tanh", 6, ""}};
  activation.gradient_function = kernels::tanh_gradient_from_output;
  activation.derivative = [](const double* y, const Options&) { return 1 - *y * *y; };
  activation.saved = Saved::output;
  activation.derivative_graph = [](Value y, const Options&) { return 1.0 - y * y; };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
