#pragma once
/// What neurons do with their weighted sum: one function applied to every element, or (softmax) to all neurons of a layer.

#include "neurons/layers/layer.hpp"

namespace neurons {

/// y = x.
struct Identity {
  static constexpr std::string_view kKind = "identity";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = max(x, 0).
struct Relu {
  static constexpr std::string_view kKind = "relu";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = min(max(x, 0), 6).
struct Relu6 {
  static constexpr std::string_view kKind = "relu6";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = x > 0 ? x : alpha · x.
struct LeakyRelu {
  static constexpr std::string_view kKind = "leaky_relu";
  static constexpr bool kActivation = true;
  float alpha = 0.01F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("alpha", self.alpha);
  }
  double negative_slope() const { return static_cast<double>(alpha); }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = x > 0 ? x : alpha · (exp(x) - 1).
struct Elu {
  static constexpr std::string_view kKind = "elu";
  static constexpr bool kActivation = true;
  float alpha = 1.0F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("alpha", self.alpha);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// scaled ELU with its published constants (Klambauer et al. 2017).
struct Selu {
  static constexpr std::string_view kKind = "selu";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = max(x, 0) + min(0, alpha · (exp(x / alpha) - 1)).
struct Celu {
  static constexpr std::string_view kKind = "celu";
  static constexpr bool kActivation = true;
  float alpha = 1.0F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("alpha", self.alpha);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = x · Φ(x); `approximate` = "tanh" for the tanh form.
struct Gelu {
  static constexpr std::string_view kKind = "gelu";
  static constexpr bool kActivation = true;
  std::string approximate = "none";
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("approximate", self.approximate);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = x · sigmoid(x), also called swish.
struct Silu {
  static constexpr std::string_view kKind = "silu";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = x · tanh(softplus(x)).
struct Mish {
  static constexpr std::string_view kKind = "mish";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = log(1 + exp(x)).
struct Softplus {
  static constexpr std::string_view kKind = "softplus";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = x / (1 + |x|).
struct Softsign {
  static constexpr std::string_view kKind = "softsign";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = 1 / (1 + exp(-x)).
struct Sigmoid {
  static constexpr std::string_view kKind = "sigmoid";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = max(0, min(1, alpha · x + beta)).
struct HardSigmoid {
  static constexpr std::string_view kKind = "hard_sigmoid";
  static constexpr bool kActivation = true;
  float alpha = 0.2F;
  float beta = 0.5F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("alpha", self.alpha);
    visit("beta", self.beta);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = tanh(x).
struct Tanh {
  static constexpr std::string_view kKind = "tanh";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = x · max(0, min(1, x / 6 + 1/2)).
struct HardSwish {
  static constexpr std::string_view kKind = "hard_swish";
  static constexpr bool kActivation = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = x > 0 ? x : slope · x with one learned slope for each channel (axis 1), 0.25 at the start. Parameter: slope [channels].
struct PRelu {
  static constexpr std::string_view kKind = "prelu";
  static constexpr bool kActivation = true;
  static constexpr float kFirstSlope = 0.25F;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  double negative_slope() const { return static_cast<double>(kFirstSlope); }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = exp(x) / Σ exp(x) along `axis`. Training with cross-entropy wants logits instead: leave it out there.
struct Softmax {
  static constexpr std::string_view kKind = "softmax";
  static constexpr bool kActivation = true;
  std::int64_t axis = -1;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// y = log(softmax(x)) along `axis`.
struct LogSoftmax {
  static constexpr std::string_view kKind = "log_softmax";
  static constexpr bool kActivation = true;
  std::int64_t axis = -1;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
