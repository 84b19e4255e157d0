#pragma once
/// How the learning rate changes while training goes on.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "neurons/graph/options.hpp"

namespace neurons {

/// Where training stands.
struct Progress {
  std::int64_t step = 0;             ///< updates made so far
  std::int64_t steps_per_epoch = 1;  ///< updates in an epoch
  std::int64_t total_steps = 1;      ///< updates in the whole training
};

/// A factor on the learning rate, held by value. Any struct with `static constexpr std::string_view kKind`, `fields` (options.hpp),
/// `void check() const`, which throws InputError for numbers that make no sense, and `double factor(const Progress&) const`, a pure
/// function, is a schedule.
class Schedule {
 public:
  template <typename T>
  requires requires { T::kKind; }
  Schedule(T rule) : model_(std::make_shared<const Model<T>>(std::move(rule))) {}  // implicit: a rule *is* a schedule

  std::string kind() const { return model_->kind(); }
  Attributes attributes() const { return model_->attributes(); }
  Schedule with(const Attributes& attributes) const { return model_->with(attributes); }
  double factor(const Progress& progress) const { return model_->factor(progress); }
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
    virtual Schedule with(const Attributes&) const = 0;
    virtual double factor(const Progress&) const = 0;
  };
  template <typename T>
  struct Model final : Concept {
    explicit Model(T initial) : value(std::move(initial)) { value.check(); }
    std::string kind() const override { return std::string(T::kKind); }
    Attributes attributes() const override { return attributes_of(value); }
    Schedule with(const Attributes& given) const override { return Schedule(options_from(value, given)); }
    double factor(const Progress& progress) const override { return value.factor(progress); }
    T value;
  };
  std::shared_ptr<const Concept> model_;
};

/// All schedules with their defaults, by kind, and one of them. Throws InputError with the nearest name.
const std::map<std::string, Schedule>& schedule_kinds();
const Schedule& schedule_of_kind(const std::string& kind);

}  // namespace neurons
