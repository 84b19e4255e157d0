#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/activation_options.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> celu() {
  Activation activation;
  activation.forward = elementwise(
      "Celu", "y = max(x, 0) + min(0, alpha · (e^(x / alpha) - 1))", 1, kernels::celu,
      [](const double* x, const Options& options) { return *x > 0 ? *x : alpha_of(options) * std::expm1(*x / alpha_of(options)); });
  set_slope(activation.forward, 1.0F);
  activation.forward.onnx = {{"Celu", 12, ""}};
  activation.gradient_function = kernels::celu_gradient;
  activation.derivative = [](const double* x, const Options& options) { return *x > 0 ? 1 : std::exp(*x / alpha_of(options)); };
  activation.derivative_graph = [](Value x, const Options& options) {
    return choose(above(x, 0), 1.0, exp_of_negative_part(x / alpha_of(options)));
  };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
