#include <cmath>

#include "neurons/kernels/updates.hpp"
#include "neurons/ops/common/update.hpp"

namespace neurons::ops {
namespace {

struct AdamUpdateOptions {
  float beta1 = kernels::AdamOptions{}.beta1;
  float beta2 = kernels::AdamOptions{}.beta2;
  float epsilon = kernels::AdamOptions{}.epsilon;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("epsilon", self.epsilon);
  }
};

void update(const double* in, double* out, const Options& options) {
  const auto& given = options.as<AdamUpdateOptions>();
  const auto beta1 = static_cast<double>(given.beta1);
  const auto beta2 = static_cast<double>(given.beta2);
  const auto epsilon = static_cast<double>(given.epsilon);
  out[1] = beta1 * in[2] + (1 - beta1) * in[0];
  out[2] = beta2 * in[3] + (1 - beta2) * in[0] * in[0];
  out[0] = in[1] * (1 - in[6]) - in[4] * out[1] / (std::sqrt(out[2]) / in[5] + epsilon);
}

}  // namespace

std::vector<OpDef> adam_update() {
  UpdateRule rule;
  rule.name = "AdamUpdate";
  rule.summary =
      "m' = beta1 · m + (1 - beta1) · g; v' = beta2 · v + (1 - beta2) · g²; w' = w · (1 - decay) - step_size · m' / (√v' / "
      "correction + epsilon); inputs g, w, m, v, step_size, correction, decay";
  rule.source =
      "Kingma & Ba, Adam: A Method for Stochastic Optimization, 2015; Loshchilov & Hutter, Decoupled Weight Decay Regularization, "
      "2019";
  rule.states = {Sample::Fill::normal, Sample::Fill::positive};
  rule.scalars = 3;
  rule.defaults = AdamUpdateOptions{};
  rule.function = kernels::adam_update;
  rule.tile_options = [](const Options& options) -> std::shared_ptr<const void> {
    const auto& given = options.as<AdamUpdateOptions>();
    return std::make_shared<const kernels::AdamOptions>(kernels::AdamOptions{given.beta1, given.beta2, given.epsilon});
  };
  rule.update = update;
  return {update_op(std::move(rule))};
}

}  // namespace neurons::ops
