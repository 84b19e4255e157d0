#include "neurons/kernels/updates.hpp"
#include "neurons/ops/common/update.hpp"

namespace neurons::ops {
namespace {

struct LionUpdateOptions {
  float beta1 = kernels::LionOptions{}.beta1;
  float beta2 = kernels::LionOptions{}.beta2;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
  }
};

void update(const double* in, double* out, const Options& options) {
  const auto& given = options.as<LionUpdateOptions>();
  const auto beta1 = static_cast<double>(given.beta1);
  const auto beta2 = static_cast<double>(given.beta2);
  const double direction = beta1 * in[2] + (1 - beta1) * in[0];
  const double sign = direction > 0 ? 1 : direction < 0 ? -1 : direction;
  out[0] = in[1] * (1 - in[4]) - in[3] * sign;
  out[1] = beta2 * in[2] + (1 - beta2) * in[0];
}

}  // namespace

std::vector<OpDef> lion_update() {
  UpdateRule rule;
  rule.name = "LionUpdate";
  rule.summary =
      "w' = w · (1 - decay) - rate · sign(beta1 · m + (1 - beta1) · g); m' = beta2 · m + (1 - beta2) · g; inputs g, w, m, rate, "
      "decay";
  rule.source = "Chen et al., Symbolic Discovery of Optimization Algorithms, 2023";
  rule.states = {Sample::Fill::normal};
  rule.scalars = 2;
  rule.defaults = LionUpdateOptions{};
  rule.function = kernels::lion_update;
  rule.tile_options = [](const Options& options) -> std::shared_ptr<const void> {
    const auto& given = options.as<LionUpdateOptions>();
    return std::make_shared<const kernels::LionOptions>(kernels::LionOptions{given.beta1, given.beta2});
  };
  rule.update = update;
  return {update_op(std::move(rule))};
}

}  // namespace neurons::ops
