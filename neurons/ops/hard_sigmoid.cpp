#include <algorithm>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {
namespace {

struct HardSigmoidOptions {
  float alpha = 0.2F;
  float beta = 0.5F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("alpha", self.alpha);
    visit("beta", self.beta);
  }
};

/// alpha · x + beta.
double line(double x, const Options& options) {
  const auto& given = options.as<HardSigmoidOptions>();
  return static_cast<double>(given.alpha) * x + static_cast<double>(given.beta);
}

double slope(const Options& options) { return static_cast<double>(options.as<HardSigmoidOptions>().alpha); }

}  // namespace

std::vector<OpDef> hard_sigmoid() {
  Activation activation;
  activation.forward = elementwise("HardSigmoid", "y = max(0, min(1, alpha · x + beta))", 1, kernels::hard_sigmoid,
                                   [](const double* x, const Options& options) { return std::clamp(line(*x, options), 0.0, 1.0); });
  activation.forward.default_options = HardSigmoidOptions{};
  activation.forward.elementwise->tile_options = [](const Options& options) -> std::shared_ptr<const void> {
    const auto& given = options.as<HardSigmoidOptions>();
    return std::make_shared<const kernels::HardSigmoidOptions>(kernels::HardSigmoidOptions{given.alpha, given.beta});
  };
  activation.forward.onnx = {{"HardSigmoid", 6, ""}};
  activation.gradient_function = kernels::hard_sigmoid_gradient;
  activation.derivative = [](const double* x, const Options& options) {
    const double y = line(*x, options);
    return y > 0 && y < 1 ? slope(options) : 0;
  };
  activation.derivative_graph = [](Value x, const Options& options) {
    const Value y = x * slope(options) + line(0, options);
    return choose(x.graph().emit("And", {above(y, 0), below(y, 1)}), slope(options), 0);
  };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
