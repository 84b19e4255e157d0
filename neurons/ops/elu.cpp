#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/activation_options.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> elu() {
  Activation activation;
  activation.forward =
      elementwise("Elu", "y = x where x > 0, else alpha · (e^x - 1)", 1, kernels::elu,
                  [](const double* x, const Options& options) { return *x > 0 ? *x : alpha_of(options) * std::expm1(*x); });
  set_slope(activation.forward, 1.0F);
  activation.forward.onnx = {{"Elu", 6, ""}};
  activation.gradient_function = kernels::elu_gradient;
  activation.derivative = [](const double* x, const Options& options) { return *x > 0 ? 1 : alpha_of(options) * std::exp(*x); };
  activation.derivative_graph = [](Value x, const Options& options) {
    return choose(above(x, 0), 1.0, exp_of_negative_part(x) * alpha_of(options));
  };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
