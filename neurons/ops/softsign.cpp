#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> softsign() {
  Activation activation;
  activation.forward = unary("Softsign", "y = x / (1 + |x|)", kernels::softsign, [](double x) { return x / (1 + std::abs(x)); });
  activation.forward.onnx = {{"Softsign", 1, ""}};
  activation.gradient_function = kernels::softsign_gradient;
  activation.derivative = [](const double* x, const Options&) { return 1 / ((1 + std::abs(*x)) * (1 + std::abs(*x))); };
  activation.derivative_graph = [](Value x, const Options&) {
    const Value root = 1.0 / (x.graph().emit("Abs", {x}) + 1.0);
    return root * root;
  };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
