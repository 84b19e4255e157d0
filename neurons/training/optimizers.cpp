#include "neurons/training/optimizers.hpp"

#include <cmath>

#include "neurons/graph/kinds.hpp"

namespace neurons {

Value UpdateContext::state(const std::string& kind) const { return graph.state(name + "#" + kind, weight.type()); }

namespace {

/// Emits an update op: gradient, weight, states, scalars in; the new weight and states out and assigned.
void emit_update(UpdateContext& context, const std::string& op_name, const Attributes& options,
                 const std::vector<std::string>& states) {
  const OpDef& op = context.graph.table()->find(op_name);
  std::vector<Value> kept{context.weight};
  for (const std::string& kind : states) kept.push_back(context.state(kind));
  std::vector<Value> inputs{context.gradient};
  inputs.insert(inputs.end(), kept.begin(), kept.end());
  inputs.insert(inputs.end(), context.scalars.begin(), context.scalars.end());
  const auto outputs = context.graph.emit_all(op, inputs, op.default_options.with(options));
  for (std::size_t i = 0; i < kept.size(); ++i) context.graph.assign(kept[i], outputs[i]);
}

double wide(float value) { return static_cast<double>(value); }

/// 1 - beta^step. Where beta^step ≤ exp(-(1 - beta) · step) is below half of double's epsilon, that is exactly 1.
double correction(double beta, double step) {
  constexpr double kVanishes = 38;
  return (1 - beta) * step > kVanishes ? 1.0 : 1 - std::pow(beta, step);
}

void require(bool holds, std::string_view kind, std::string_view name, float value, std::string_view rule) {
  if (!holds) fail_input("{}: {} = {} must be {}", kind, name, value, rule);
}

/// A share of what was that is kept: with 1 nothing new would ever count.
void require_memory(std::string_view kind, std::string_view name, float value) {
  require(value >= 0 && value < 1, kind, name, value, "at least 0 and below 1");
}

void require_positive_or_zero(std::string_view kind, std::string_view name, float value) {
  require(value >= 0 && std::isfinite(value), kind, name, value, "at least 0");
}

/// Infinity and NaN are refused where it is used: rates are computed, too.
void require_rate(std::string_view kind, float rate) { require(!(rate < 0), kind, "learning_rate", rate, "at least 0"); }

template <typename AdamLike>
void check_adam(const AdamLike& rule) {
  require_rate(rule.kKind, rule.learning_rate);
  require_memory(rule.kKind, "beta1", rule.beta1);
  require_memory(rule.kKind, "beta2", rule.beta2);
  require_positive_or_zero(rule.kKind, "epsilon", rule.epsilon);
  require_positive_or_zero(rule.kKind, "weight_decay", rule.weight_decay);
}

void adam_scalars(const StepNumbers& numbers, double beta1, double beta2, double decay, std::span<float> out) {
  const auto step = static_cast<double>(numbers.step);
  out[0] = static_cast<float>(numbers.rate / correction(beta1, step));
  out[1] = static_cast<float>(std::sqrt(correction(beta2, step)));
  out[2] = static_cast<float>(decay);
}

void adam_update(UpdateContext& context, float beta1, float beta2, float epsilon) {
  emit_update(context, "AdamUpdate", {{"beta1", wide(beta1)}, {"beta2", wide(beta2)}, {"epsilon", wide(epsilon)}}, {"m", "v"});
}

}  // namespace

void Sgd::check() const {
  require_rate(kKind, learning_rate);
  require_memory(kKind, "momentum", momentum);
  require(dampening >= 0 && dampening <= 1, kKind, "dampening", dampening, "between 0 and 1");
  if (nesterov && (momentum == 0 || dampening != 0)) fail_input("sgd: nesterov needs a momentum, and no dampening");
  require_positive_or_zero(kKind, "weight_decay", weight_decay);
}

void Sgd::scalars(const StepNumbers& numbers, std::span<float> out) const {
  out[0] = static_cast<float>(numbers.rate);
  out[1] = numbers.step <= 1 ? 1.0F : 1.0F - dampening;
}

void Sgd::update(UpdateContext& context) const {
  if (momentum == 0.0F) {
    context.scalars.resize(1);  // the rate
    return emit_update(context, "SgdUpdate", {}, {});
  }
  emit_update(context, "MomentumUpdate", {{"momentum", wide(momentum)}, {"nesterov", nesterov}}, {"momentum"});
}

void Adam::check() const { check_adam(*this); }

void Adam::scalars(const StepNumbers& numbers, std::span<float> out) const {
  adam_scalars(numbers, wide(beta1), wide(beta2), 0, out);
}

void Adam::update(UpdateContext& context) const { adam_update(context, beta1, beta2, epsilon); }

void AdamW::check() const { check_adam(*this); }

void AdamW::scalars(const StepNumbers& numbers, std::span<float> out) const {
  adam_scalars(numbers, wide(beta1), wide(beta2), numbers.rate * numbers.weight_decay, out);
}

void AdamW::update(UpdateContext& context) const { adam_update(context, beta1, beta2, epsilon); }

void RmsProp::check() const {
  require_rate(kKind, learning_rate);
  require_memory(kKind, "alpha", alpha);
  require_positive_or_zero(kKind, "epsilon", epsilon);
  require_positive_or_zero(kKind, "weight_decay", weight_decay);
}

void RmsProp::scalars(const StepNumbers& numbers, std::span<float> out) const { out[0] = static_cast<float>(numbers.rate); }

void RmsProp::update(UpdateContext& context) const {
  emit_update(context, "RmsPropUpdate", {{"alpha", wide(alpha)}, {"epsilon", wide(epsilon)}}, {"square"});
}

void Adagrad::check() const {
  require_rate(kKind, learning_rate);
  require_positive_or_zero(kKind, "epsilon", epsilon);
  require_positive_or_zero(kKind, "weight_decay", weight_decay);
}

void Adagrad::scalars(const StepNumbers& numbers, std::span<float> out) const { out[0] = static_cast<float>(numbers.rate); }

void Adagrad::update(UpdateContext& context) const { emit_update(context, "AdagradUpdate", {{"epsilon", wide(epsilon)}}, {"sum"}); }

void Lion::check() const {
  require_rate(kKind, learning_rate);
  require_memory(kKind, "beta1", beta1);
  require_memory(kKind, "beta2", beta2);
  require_positive_or_zero(kKind, "weight_decay", weight_decay);
}

void Lion::scalars(const StepNumbers& numbers, std::span<float> out) const {
  out[0] = static_cast<float>(numbers.rate);
  out[1] = static_cast<float>(numbers.rate * numbers.weight_decay);
}

void Lion::update(UpdateContext& context) const {
  emit_update(context, "LionUpdate", {{"beta1", wide(beta1)}, {"beta2", wide(beta2)}}, {"m"});
}

const std::map<std::string, Optimizer>& optimizer_kinds() {
  static const auto kKinds = table_of_kinds<Optimizer, Sgd, Adam, AdamW, RmsProp, Adagrad, Lion>();
  return kKinds;
}

}  // namespace neurons
