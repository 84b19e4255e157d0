#pragma once
/// The first-order optimisers. Names and defaults are PyTorch's, but for the rate of Sgd, 0.01 (there 0.001).

#include <span>

#include "neurons/training/optimizer.hpp"

namespace neurons {

/// Stochastic gradient descent with momentum: v' = momentum · v + (1 - dampening) · g; w' = w - rate · v', or with nesterov
/// w - rate · (g + momentum · v'). The first step begins with v' = g, undamped.
struct Sgd {
  static constexpr std::string_view kKind = "sgd";
  static constexpr bool kDecoupledDecay = false;
  static constexpr int kScalars = 2;
  float learning_rate = 0.01F;
  float momentum = 0.0F;
  float dampening = 0.0F;
  bool nesterov = false;
  float weight_decay = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("learning_rate", self.learning_rate);
    visit("momentum", self.momentum);
    visit("dampening", self.dampening);
    visit("nesterov", self.nesterov);
    visit("weight_decay", self.weight_decay);
  }
  void check() const;
  void scalars(const StepNumbers& numbers, std::span<float> out) const;
  void update(UpdateContext& context) const;
};

/// Adam (Kingma & Ba 2015); weight_decay · w is added to the gradient.
struct Adam {
  static constexpr std::string_view kKind = "adam";
  static constexpr bool kDecoupledDecay = false;
  static constexpr int kScalars = 3;
  float learning_rate = 1e-3F;
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  float weight_decay = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("learning_rate", self.learning_rate);
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("epsilon", self.epsilon);
    visit("weight_decay", self.weight_decay);
  }
  void check() const;
  void scalars(const StepNumbers& numbers, std::span<float> out) const;
  void update(UpdateContext& context) const;
};

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019): w shrinks by rate · weight_decay before each update.
struct AdamW {
  static constexpr std::string_view kKind = "adamw";
  static constexpr bool kDecoupledDecay = true;
  static constexpr int kScalars = 3;
  float learning_rate = 1e-3F;
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  float weight_decay = 0.01F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("learning_rate", self.learning_rate);
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("epsilon", self.epsilon);
    visit("weight_decay", self.weight_decay);
  }
  void check() const;
  void scalars(const StepNumbers& numbers, std::span<float> out) const;
  void update(UpdateContext& context) const;
};

/// s' = alpha · s + (1 - alpha) · g²; w' = w - rate · g / (√s' + epsilon) (Hinton's lecture 6e, 2012).
struct RmsProp {
  static constexpr std::string_view kKind = "rmsprop";
  static constexpr bool kDecoupledDecay = false;
  static constexpr int kScalars = 1;
  float learning_rate = 0.01F;
  float alpha = 0.99F;
  float epsilon = 1e-8F;
  float weight_decay = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("learning_rate", self.learning_rate);
    visit("alpha", self.alpha);
    visit("epsilon", self.epsilon);
    visit("weight_decay", self.weight_decay);
  }
  void check() const;
  void scalars(const StepNumbers& numbers, std::span<float> out) const;
  void update(UpdateContext& context) const;
};

/// s' = s + g²; w' = w - rate · g / (√s' + epsilon) (Duchi et al. 2011).
struct Adagrad {
  static constexpr std::string_view kKind = "adagrad";
  static constexpr bool kDecoupledDecay = false;
  static constexpr int kScalars = 1;
  float learning_rate = 0.01F;
  float epsilon = 1e-10F;
  float weight_decay = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("learning_rate", self.learning_rate);
    visit("epsilon", self.epsilon);
    visit("weight_decay", self.weight_decay);
  }
  void check() const;
  void scalars(const StepNumbers& numbers, std::span<float> out) const;
  void update(UpdateContext& context) const;
};

/// c = beta1 · m + (1 - beta1) · g; w' = w · (1 - rate · weight_decay) - rate · sign(c); m' = beta2 · m + (1 - beta2) · g
/// (Chen et al. 2023).
struct Lion {
  static constexpr std::string_view kKind = "lion";
  static constexpr bool kDecoupledDecay = true;
  static constexpr int kScalars = 2;
  float learning_rate = 1e-4F;
  float beta1 = 0.9F;
  float beta2 = 0.99F;
  float weight_decay = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("learning_rate", self.learning_rate);
    visit("beta1", self.beta1);
    visit("beta2", self.beta2);
    visit("weight_decay", self.weight_decay);
  }
  void check() const;
  void scalars(const StepNumbers& numbers, std::span<float> out) const;
  void update(UpdateContext& context) const;
};

}  // namespace neurons
