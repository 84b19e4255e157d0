#include "neurons/training/method.hpp"

#include "neurons/graph/kinds.hpp"
#include "neurons/training/optimizers.hpp"

namespace neurons {
namespace {

/// Answers a question with `of_optimizer` or, for the plain structs, `of_struct`.
template <typename OfOptimizer, typename OfStruct>
auto ask(const std::variant<Optimizer, Lbfgs, LevenbergMarquardt>& rule, OfOptimizer of_optimizer, OfStruct of_struct) {
  return std::visit(
      [&]<typename Rule>(const Rule& held) {
        if constexpr (std::is_same_v<Rule, Optimizer>) {
          return of_optimizer(held);
        } else {
          return of_struct(held);
        }
      },
      rule);
}

}  // namespace

std::string Method::kind() const {
  return ask(
      rule_, [](const Optimizer& held) { return held.kind(); },
      []<typename Rule>(const Rule&) { return std::string(Rule::kKind); });
}

Attributes Method::attributes() const {
  return ask(
      rule_, [](const Optimizer& held) { return held.attributes(); }, [](const auto& held) { return attributes_of(held); });
}

Method Method::with(const Attributes& attributes) const {
  return ask(
      rule_, [&](const Optimizer& held) { return Method(held.with(attributes)); },
      [&](const auto& held) { return Method(options_from(held, attributes)); });
}

const std::map<std::string, Method>& method_kinds() {
  static const auto kKinds = [] {
    std::map<std::string, Method> kinds(optimizer_kinds().begin(), optimizer_kinds().end());
    kinds.emplace(Lbfgs::kKind, Lbfgs{});
    kinds.emplace(LevenbergMarquardt::kKind, LevenbergMarquardt{});
    return kinds;
  }();
  return kKinds;
}

const Method& method_of_kind(const std::string& kind) { return find_kind(method_kinds(), "optimizer", kind); }

}  // namespace neurons
