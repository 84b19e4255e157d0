#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/activation_options.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> leaky_relu() {
  Activation activation;
  activation.forward = elementwise("LeakyRelu", "y = x where x > 0, else alpha · x", 1, kernels::leaky_relu,
                                   [](const double* x, const Options& options) { return *x > 0 ? *x : alpha_of(options) * *x; });
  set_slope(activation.forward, 0.01F);
  activation.forward.onnx = {{"LeakyRelu", 6, ""}};
  activation.gradient_function = kernels::leaky_relu_gradient;
  activation.derivative = [](const double* x, const Options& options) { return *x > 0 ? 1 : alpha_of(options); };
  activation.derivative_graph = [](Value x, const Options& options) { return choose(above(x, 0), 1, alpha_of(options)); };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
