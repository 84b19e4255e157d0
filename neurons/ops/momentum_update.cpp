#include "neurons/kernels/updates.hpp"
#include "neurons/ops/common/update.hpp"

namespace neurons::ops {
namespace {

struct MomentumUpdateOptions {
  float momentum = kernels::MomentumOptions{}.momentum;
  bool nesterov = kernels::MomentumOptions{}.nesterov;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("momentum", self.momentum);
    visit("nesterov", self.nesterov);
  }
};

void update(const double* in, double* out, const Options& options) {
  const auto& given = options.as<MomentumUpdateOptions>();
  const auto momentum = static_cast<double>(given.momentum);
  out[1] = momentum * in[2] + in[4] * in[0];
  out[0] = in[1] - in[3] * (given.nesterov ? in[0] + momentum * out[1] : out[1]);
}

}  // namespace

std::vector<OpDef> momentum_update() {
  UpdateRule rule;
  rule.name = "MomentumUpdate";
  rule.summary = "v' = momentum · v + gain · g; w' = w - rate · (nesterov ? g + momentum · v' : v'); inputs g, w, v, rate, gain";
  rule.source =
      "Sutskever, Martens, Dahl & Hinton, On the importance of initialization and momentum in deep learning, 2013, in the form of "
      "PyTorch";
  rule.states = {Sample::Fill::normal};
  rule.scalars = 2;
  rule.defaults = MomentumUpdateOptions{};
  rule.function = kernels::momentum_update;
  rule.tile_options = [](const Options& options) -> std::shared_ptr<const void> {
    const auto& given = options.as<MomentumUpdateOptions>();
    return std::make_shared<const kernels::MomentumOptions>(kernels::MomentumOptions{given.momentum, given.nesterov});
  };
  rule.update = update;
  return {update_op(std::move(rule))};
}

}  // namespace neurons::ops
