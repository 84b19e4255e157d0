#include <cmath>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {
namespace {

/// The constants of Klambauer et al. 2017, as ONNX rounds them.
struct SeluOptions {
  float alpha = kernels::SeluOptions{}.alpha;
  float gamma = kernels::SeluOptions{}.gamma;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("alpha", self.alpha);
    visit("gamma", self.gamma);
  }
};

struct Constants {
  double alpha = 0;
  double gamma = 0;
  explicit Constants(const Options& options)
      : alpha(static_cast<double>(options.as<SeluOptions>().alpha)), gamma(static_cast<double>(options.as<SeluOptions>().gamma)) {}
};

}  // namespace

std::vector<OpDef> selu() {
  Activation activation;
  activation.forward = elementwise("Selu", "y = gamma · (x where x > 0, else alpha · (e^x - 1))", 1, kernels::selu,
                                   [](const double* x, const Options& options) {
                                     const Constants constants(options);
                                     return constants.gamma * (*x > 0 ? *x : constants.alpha * std::expm1(*x));
                                   });
  activation.forward.default_options = SeluOptions{};
  activation.forward.elementwise->tile_options = [](const Options& options) -> std::shared_ptr<const void> {
    const auto& given = options.as<SeluOptions>();
    return std::make_shared<const kernels::SeluOptions>(kernels::SeluOptions{given.alpha, given.gamma});
  };
  activation.forward.onnx = {{"Selu", 6, ""}};
  activation.gradient_function = kernels::selu_gradient;
  activation.derivative = [](const double* x, const Options& options) {
    const Constants constants(options);
    return constants.gamma * (*x > 0 ? 1 : constants.alpha * std::exp(*x));
  };
  activation.derivative_graph = [](Value x, const Options& options) {
    const Constants constants(options);
    const Value negative = exp_of_negative_part(x) * (constants.gamma * constants.alpha);
    return choose(above(x, 0), constants.gamma, negative);
  };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
