#pragma once
/// How a network is trained: a first-order optimiser, batch by batch, or a method that looks at all samples before each update.

#include <concepts>
#include <map>
#include <string>
#include <variant>

#include "neurons/training/lbfgs.hpp"
#include "neurons/training/levenberg_marquardt.hpp"
#include "neurons/training/optimizer.hpp"

namespace neurons {

/// Held by value: `Method method = Adam{};`. Throws InputError where a full-batch method's numbers make no sense.
class Method {
 public:
  Method(Optimizer optimizer) : rule_(std::move(optimizer)) {}
  Method(const Lbfgs& rule) : rule_(rule) { rule.check(); }
  Method(const LevenbergMarquardt& rule) : rule_(rule) { rule.check(); }
  template <FirstOrderRule T>
  Method(T rule) : Method(Optimizer(std::move(rule))) {}  // implicit: a rule *is* a method

  /// "adam", "lbfgs", …
  std::string kind() const;
  Attributes attributes() const;
  /// The same kind with the given fields replaced. Throws InputError as options_from does.
  Method with(const Attributes& attributes) const;

  /// The first-order optimiser, or null.
  const Optimizer* optimizer() const { return std::get_if<Optimizer>(&rule_); }
  const Lbfgs* lbfgs() const { return std::get_if<Lbfgs>(&rule_); }
  const LevenbergMarquardt* levenberg_marquardt() const { return std::get_if<LevenbergMarquardt>(&rule_); }
  /// Each update looks at all samples (full_batch.hpp).
  bool is_full_batch() const { return optimizer() == nullptr; }

 private:
  std::variant<Optimizer, Lbfgs, LevenbergMarquardt> rule_;
};

/// All methods with their defaults, by kind, and one of them. Throws InputError with the nearest name.
const std::map<std::string, Method>& method_kinds();
const Method& method_of_kind(const std::string& kind);

}  // namespace neurons
