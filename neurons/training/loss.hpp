#pragma once
/// What a network is trained to make small.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons {

/// A loss, held by value. Any struct with `static constexpr std::string_view kKind`, `fields` (options.hpp),
/// `TensorType target_type(const TensorType& prediction, bool labels) const` and
/// `RowLosses build(Graph&, Value prediction, Value target) const` is a loss; one whose targets are class labels as a rule has
/// `static constexpr bool kOfClasses = true`, one that makes probabilities of logits itself `static constexpr bool kOfLogits =
/// true`.
struct RowLosses {
  Value losses;   ///< [batch]; of a sequence, the sum over its steps
  Value weights;  ///< [batch] or absent (all 1): the weight of each row in the mean, already multiplied into `losses`; of a
                  ///< sequence, of its steps that count
};

class Loss {
 public:
  template <typename T>
  requires requires { T::kKind; }
  Loss(T loss) : model_(std::make_shared<const Model<T>>(std::move(loss))) {}  // implicit: a loss struct *is* a loss

  std::string kind() const { return model_->kind(); }
  /// Targets are class labels, unless one says otherwise.
  bool is_of_classes() const { return model_->is_of_classes(); }
  /// Predictions are logits, not probabilities.
  bool is_of_logits() const { return model_->is_of_logits(); }
  /// Targets that are no labels are shares: numbers from 0 to 1.
  bool is_of_shares() const { return model_->is_of_shares(); }
  Attributes attributes() const { return model_->attributes(); }
  Loss with(const Attributes& attributes) const { return model_->with(attributes); }
  /// What targets must look like for a prediction of that type: i64 [batch] (of sequences [batch, time]) class labels, or f32.
  /// `labels` says whether the data has class labels. Throws InputError where the loss cannot use them.
  TensorType target_type(const TensorType& prediction, bool labels) const { return model_->target_type(prediction, labels); }
  RowLosses build(Graph& graph, Value prediction, Value target) const { return model_->build(graph, prediction, target); }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual std::string kind() const = 0;
    virtual bool is_of_classes() const = 0;
    virtual bool is_of_logits() const = 0;
    virtual bool is_of_shares() const = 0;
    virtual Attributes attributes() const = 0;
    virtual Loss with(const Attributes&) const = 0;
    virtual TensorType target_type(const TensorType&, bool) const = 0;
    virtual RowLosses build(Graph&, Value, Value) const = 0;
  };
  template <typename T>
  struct Model final : Concept {
    explicit Model(T initial) : value(std::move(initial)) {}
    std::string kind() const override { return std::string(T::kKind); }
    bool is_of_classes() const override {
      if constexpr (requires { T::kOfClasses; }) return T::kOfClasses;
      return false;
    }
    bool is_of_logits() const override {
      if constexpr (requires { T::kOfLogits; }) return T::kOfLogits;
      return false;
    }
    bool is_of_shares() const override {
      if constexpr (requires { T::kOfShares; }) return T::kOfShares;
      return false;
    }
    Attributes attributes() const override { return attributes_of(value); }
    Loss with(const Attributes& given) const override { return Loss(options_from(value, given)); }
    TensorType target_type(const TensorType& prediction, bool labels) const override {
      return value.target_type(prediction, labels);
    }
    RowLosses build(Graph& graph, Value prediction, Value target) const override { return value.build(graph, prediction, target); }
    T value;
  };
  std::shared_ptr<const Concept> model_;
};

/// The loss of a batch.
struct BatchLoss {
  Value mean;    ///< scalar: Σ w·l / Σ w with the rows' own weights and, if given, sample weights; 0 where all weights are 0
  Value weight;  ///< scalar: Σ w, the number of rows where nothing has a weight
  bool rows_differ = false;  ///< rows have weights of their own, such as those of their classes
};
/// `sample_weights`: f32 [batch], or absent.
BatchLoss batch_loss(const Loss& loss, Value prediction, Value target, Value sample_weights = {});
/// Its mean alone.
Value mean_loss(const Loss& loss, Value prediction, Value target, Value sample_weights = {});

/// All losses with their defaults, by kind, and one of them. Throws InputError with the nearest name.
const std::map<std::string, Loss>& loss_kinds();
const Loss& loss_of_kind(const std::string& kind);

}  // namespace neurons
