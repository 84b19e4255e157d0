#include <cmath>

#include "neurons/kernels/updates.hpp"
#include "neurons/ops/common/update.hpp"

namespace neurons::ops {
namespace {

struct RmsPropUpdateOptions {
  float alpha = kernels::RmsPropOptions{}.alpha;
  float epsilon = kernels::RmsPropOptions{}.epsilon;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("alpha", self.alpha);
    visit("epsilon", self.epsilon);
  }
};

void update(const double* in, double* out, const Options& options) {
  const auto& given = options.as<RmsPropUpdateOptions>();
  const auto alpha = static_cast<double>(given.alpha);
  const auto epsilon = static_cast<double>(given.epsilon);
  out[1] = alpha * in[2] + (1 - alpha) * in[0] * in[0];
  out[0] = in[1] - in[3] * in[0] / (std::sqrt(out[1]) + epsilon);
}

}  // namespace

std::vector<OpDef> rmsprop_update() {
  UpdateRule rule;
  rule.name = "RmsPropUpdate";
  rule.summary = "s' = alpha · s + (1 - alpha) · g²; w' = w - rate · g / (√s' + epsilon); inputs g, w, s, rate";
  rule.source = "Tieleman & Hinton, Neural Networks for Machine Learning, lecture 6.5, 2012";
  rule.states = {Sample::Fill::positive};
  rule.scalars = 1;
  rule.defaults = RmsPropUpdateOptions{};
  rule.function = kernels::rmsprop_update;
  rule.tile_options = [](const Options& options) -> std::shared_ptr<const void> {
    const auto& given = options.as<RmsPropUpdateOptions>();
    return std::make_shared<const kernels::RmsPropOptions>(kernels::RmsPropOptions{given.alpha, given.epsilon});
  };
  rule.update = update;
  return {update_op(std::move(rule))};
}

}  // namespace neurons::ops
