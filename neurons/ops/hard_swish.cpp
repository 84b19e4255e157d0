#include <algorithm>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> hard_swish() {
  Activation activation;
  activation.forward = unary("HardSwish", "y = x · max(0, min(1, x / 6 + 1/2))", kernels::hard_swish,
                             [](double x) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); });
  activation.forward.onnx = {{"HardSwish", 14, ""}};
  activation.gradient_function = kernels::hard_swish_gradient;
  activation.derivative = [](const double* x, const Options&) { return *x <= -3 ? 0 : *x >= 3 ? 1 : *x / 3 + 0.5; };
  activation.derivative_graph = [](Value x, const Options&) {
    return choose(above(x, 3), 1.0, choose(above(x, -3), x / 3.0 + 0.5, 0.0));
  };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
