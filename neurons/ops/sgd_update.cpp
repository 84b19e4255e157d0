#include "neurons/kernels/updates.hpp"
#include "neurons/ops/common/update.hpp"

namespace neurons::ops {

std::vector<OpDef> sgd_update() {
  UpdateRule rule;
  rule.name = "SgdUpdate";
  rule.summary = "w' = w - rate · g; inputs g, w, rate";
  rule.source = "Robbins & Monro, A Stochastic Approximation Method, 1951";
  rule.function = kernels::sgd_update;
  rule.update = [](const double* in, double* out, const Options&) { out[0] = in[1] - in[2] * in[0]; };
  return {update_op(std::move(rule))};
}

}  // namespace neurons::ops
