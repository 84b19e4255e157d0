#include <cmath>

#include "neurons/kernels/updates.hpp"
#include "neurons/ops/common/update.hpp"

namespace neurons::ops {
namespace {

struct AdagradUpdateOptions {
  float epsilon = kernels::AdagradOptions{}.epsilon;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("epsilon", self.epsilon);
  }
};

void update(const double* in, double* out, const Options& options) {
  const auto& given = options.as<AdagradUpdateOptions>();
  const auto epsilon = static_cast<double>(given.epsilon);
  out[1] = in[2] + in[0] * in[0];
  out[0] = in[1] - in[3] * in[0] / (std::sqrt(out[1]) + epsilon);
}

}  // namespace

std::vector<OpDef> adagrad_update() {
  UpdateRule rule;
  rule.name = "AdagradUpdate";
  rule.summary = "s' = s + g²; w' = w - rate · g / (√s' + epsilon); inputs g, w, s, rate";
  rule.source = "Duchi, Hazan & Singer, Adaptive Subgradient Methods for Online Learning and Stochastic Optimization, 2011";
  rule.states = {Sample::Fill::positive};
  rule.scalars = 1;
  rule.defaults = AdagradUpdateOptions{};
  rule.function = kernels::adagrad_update;
  rule.tile_options = [](const Options& options) -> std::shared_ptr<const void> {
    const auto& given = options.as<AdagradUpdateOptions>();
    return std::make_shared<const kernels::AdagradOptions>(kernels::AdagradOptions{given.epsilon});
  };
  rule.update = update;
  return {update_op(std::move(rule))};
}

}  // namespace neurons::ops
