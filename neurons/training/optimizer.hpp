#pragma once
/// How weights follow their gradients.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons {

/// The learning rate of a step and everything a rule may compute from it.
struct StepNumbers {
  double rate = 0;          ///< scheduled learning rate, times the group's factor
  std::int64_t step = 1;    ///< 1, 2, 3, …
  double weight_decay = 0;  ///< of the group
};

/// Emits the update of one parameter.
struct UpdateContext {
  Graph& graph;
  std::string name;  ///< of the parameter
  Value weight;
  Value gradient;
  std::vector<Value> scalars;  ///< f32 scalar inputs, as many as the rule's kScalars

  /// A state of the optimiser's own for this parameter, "NAME#KIND", zero at the start.
  Value state(const std::string& kind) const;
};

/// Numbers that a rule may have changed from step to step.
inline constexpr int kMaxScalars = 4;

/// What tells a first-order rule from other structs of options.
template <typename T>
concept FirstOrderRule = requires {
  T::kKind;
  T::kScalars;
  T::kDecoupledDecay;
};

/// A first-order rule, held by value. Any struct with `kKind`, `fields`, a float `learning_rate`, a float `weight_decay`,
/// `static constexpr bool kDecoupledDecay` (the rule itself applies weight_decay; otherwise weight_decay · w is added to the
/// gradient), `static constexpr int kScalars` (at most kMaxScalars), `void scalars(const StepNumbers&, std::span<float> out) const`
/// (the kScalars numbers that change from step to step) and `void update(UpdateContext&) const` is one. It may
/// have `void check() const`, which throws InputError for numbers that make no sense.
class Optimizer {
 public:
  template <FirstOrderRule T>
  Optimizer(T rule) : model_(std::make_shared<const Model<T>>(std::move(rule))) {}  // implicit: a rule *is* an optimiser

  std::string kind() const { return model_->kind(); }
  Attributes attributes() const { return model_->attributes(); }
  Optimizer with(const Attributes& attributes) const { return model_->with(attributes); }
  double learning_rate() const { return model_->learning_rate(); }
  double weight_decay() const { return model_->weight_decay(); }
  bool decoupled_decay() const { return model_->decoupled_decay(); }
  int scalar_count() const { return model_->scalar_count(); }
  void scalars(const StepNumbers& numbers, std::span<float> out) const { model_->scalars(numbers, out); }
  void update(UpdateContext& context) const { model_->update(context); }
  /// The rule itself, if it is a T.
  template <typename T>
  const T* get() const {
    const auto* model = dynamic_cast<const Model<T>*>(model_.get());
    return model == nullptr ? nullptr : &model->value;
  }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual std::string kind() const = 0;
    virtual Attributes attributes() const = 0;
    virtual Optimizer with(const Attributes&) const = 0;
    virtual double learning_rate() const = 0;
    virtual double weight_decay() const = 0;
    virtual bool decoupled_decay() const = 0;
    virtual int scalar_count() const = 0;
    virtual void scalars(const StepNumbers&, std::span<float>) const = 0;
    virtual void update(UpdateContext&) const = 0;
  };
  template <typename T>
  struct Model final : Concept {
    static_assert(T::kScalars >= 0 && T::kScalars <= kMaxScalars);
    explicit Model(T initial) : value(std::move(initial)) {
      if constexpr (requires { value.check(); }) value.check();
    }
    std::string kind() const override { return std::string(T::kKind); }
    Attributes attributes() const override { return attributes_of(value); }
    Optimizer with(const Attributes& given) const override { return Optimizer(options_from(value, given)); }
    double learning_rate() const override { return static_cast<double>(value.learning_rate); }
    double weight_decay() const override { return static_cast<double>(value.weight_decay); }
    bool decoupled_decay() const override { return T::kDecoupledDecay; }
    int scalar_count() const override { return T::kScalars; }
    void scalars(const StepNumbers& numbers, std::span<float> out) const override { value.scalars(numbers, out); }
    void update(UpdateContext& context) const override { value.update(context); }
    T value;
  };
  std::shared_ptr<const Concept> model_;
};

/// All first-order rules with their defaults, by kind; method_of_kind() finds these and the others.
const std::map<std::string, Optimizer>& optimizer_kinds();

}  // namespace neurons
