#pragma once
/// The losses. Each gives one number a sample; the mean over the batch is what is minimised. All agree with PyTorch's of that name
/// under reduction "mean". Of sequences, predictions [batch, time, …] with a target for each step, the mean is that over all steps
/// that count: a step whose label is kIgnoredLabel, or whose target value is NaN, is not there for loss, gradient and mean,
/// whatever the prediction is. A batch in which nothing counts has loss 0 and no gradient.

#include "neurons/training/loss.hpp"

namespace neurons {

/// -log softmax(prediction)[label], or -Σ target · log softmax(prediction) for soft targets [batch, classes]. Of sequences:
/// predictions [batch, time, classes], labels [batch, time]. Classes are the last axis; PyTorch has them second.
struct CrossEntropy {
  static constexpr std::string_view kKind = "cross_entropy";
  static constexpr bool kOfLogits = true;
  static constexpr bool kOfClasses = true;
  static constexpr bool kOfShares = true;
  float label_smoothing = 0.0F;        ///< share of each target spread over all classes
  std::vector<float> class_weights{};  ///< empty: all 1

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("label_smoothing", self.label_smoothing);
    visit("class_weights", self.class_weights);
  }
  TensorType target_type(const TensorType& prediction, bool labels) const;
  RowLosses build(Graph& graph, Value prediction, Value target) const;
};

/// For independent yes/no outputs, on logits: softplus(x) - x · t, averaged over outputs. Targets in [0, 1], or labels for one
/// output (of sequences [batch, time, 1], labels [batch, time]).
struct BinaryCrossEntropy {
  static constexpr std::string_view kKind = "binary_cross_entropy";
  static constexpr bool kOfLogits = true;
  static constexpr bool kOfShares = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  TensorType target_type(const TensorType& prediction, bool labels) const;
  RowLosses build(Graph& graph, Value prediction, Value target) const;
};

/// (x - t)², averaged over outputs.
struct MeanSquaredError {
  static constexpr std::string_view kKind = "mse";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  TensorType target_type(const TensorType& prediction, bool labels) const;
  RowLosses build(Graph& graph, Value prediction, Value target) const;
};

/// |x - t|, averaged over outputs.
struct MeanAbsoluteError {
  static constexpr std::string_view kKind = "mae";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  TensorType target_type(const TensorType& prediction, bool labels) const;
  RowLosses build(Graph& graph, Value prediction, Value target) const;
};

/// Quadratic within `delta` of the target, linear outside: ½d² or delta · (|d| - ½delta), averaged over outputs (Huber 1964).
struct Huber {
  static constexpr std::string_view kKind = "huber";
  float delta = 1.0F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("delta", self.delta);
  }
  TensorType target_type(const TensorType& prediction, bool labels) const;
  RowLosses build(Graph& graph, Value prediction, Value target) const;
};

/// Σ over other classes of max(0, margin - x[label] + x[class]) / classes (PyTorch's MultiMarginLoss).
struct Hinge {
  static constexpr std::string_view kKind = "hinge";
  static constexpr bool kOfClasses = true;
  float margin = 1.0F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("margin", self.margin);
  }
  TensorType target_type(const TensorType& prediction, bool labels) const;
  RowLosses build(Graph& graph, Value prediction, Value target) const;
};

/// Σ t · (log t - log softmax(x)) for target distributions t [batch, classes]; t = 0 adds 0 (PyTorch's KLDivLoss, "batchmean").
struct KlDivergence {
  static constexpr std::string_view kKind = "kl_divergence";
  static constexpr bool kOfLogits = true;
  static constexpr bool kOfShares = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  TensorType target_type(const TensorType& prediction, bool labels) const;
  RowLosses build(Graph& graph, Value prediction, Value target) const;
};

/// 1 - x·t / (|x| |t|).
struct CosineDistance {
  static constexpr std::string_view kKind = "cosine";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  TensorType target_type(const TensorType& prediction, bool labels) const;
  RowLosses build(Graph& graph, Value prediction, Value target) const;
};

}  // namespace neurons
