#pragma once
/// Recurrent neurons: each sees the inputs of one time step and what all of its layer said one step before.
///
/// All take x [batch, time, features] and give [batch, time, outputs] (`return_sequences`) or, of each sequence, the last step
/// [batch, outputs]; there are `hidden` outputs, or 2 · hidden of a bidirectional layer, whose backward half has seen the first
/// step last. A second input, lengths [batch] (i32 or i64) or a mask bool [batch, time] (see PaddingMask), says how many steps of
/// each sequence exist, padding being at the end, or which, wherever padding is: the others change no output, loss or gradient, not
/// even by NaN, and their outputs are 0; of a sequence of padding alone the last step is 0. `layers` stands for so many of them one
/// upon the other, with `dropout` in between.
///
/// Parameters of the first layer: weight [gates · hidden, features] (Glorot & Bengio's uniform), recurrent_weight [gates · hidden,
/// hidden] (orthogonal: Saxe et al. 2014), bias [gates · hidden]; of layer 2 weight_2, …; of a bidirectional layer's backward half
/// weight_reverse, …. Gates are in ONNX's order.

#include "neurons/layers/layer.hpp"

namespace neurons {

namespace detail {
/// The fields that the three have in common.
template <typename Self, typename Visitor>
void recurrent_fields(Self& self, Visitor& visit) {
  visit("hidden", self.hidden);
  visit("layers", self.layers);
  visit("bidirectional", self.bidirectional);
  visit("return_sequences", self.return_sequences);
  visit("dropout", self.dropout);
  visit("initializer", self.initializer);
  visit("initializer_value", self.initializer_value);
}
}  // namespace detail

/// Simple recurrent neurons (Elman 1990): h' = activation(x · Wᵀ + h · Rᵀ + b). They forget what lies more than some ten steps
/// back: the gradient vanishes on its way (Bengio et al. 1994).
struct SimpleRnn {
  static constexpr std::string_view kKind = "simple_rnn";
  static constexpr bool kTakesMask = true;
  std::int64_t hidden = 1;  ///< units
  std::int64_t layers = 1;
  bool bidirectional = false;
  bool return_sequences = false;
  float dropout = 0.0F;                   ///< share of the outputs of each layer but the last that training drops
  std::string activation = "tanh";        ///< or "relu"
  std::string initializer = "automatic";  ///< of `weight`
  float initializer_value = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    detail::recurrent_fields(self, visit);
    visit("activation", self.activation);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Long short-term memory (Hochreiter & Schmidhuber 1997; forget gates: Gers et al. 2000). Gates: input, output, forget, candidate.
struct Lstm {
  static constexpr std::string_view kKind = "lstm";
  static constexpr bool kTakesMask = true;
  std::int64_t hidden = 1;  ///< units
  std::int64_t layers = 1;
  bool bidirectional = false;
  bool return_sequences = false;
  float dropout = 0.0F;                   ///< share of the outputs of each layer but the last that training drops
  float forget_bias = 1.0F;               ///< of the forget gates when training begins: they remember (Jozefowicz et al. 2015)
  std::string initializer = "automatic";  ///< of `weight`
  float initializer_value = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    detail::recurrent_fields(self, visit);
    visit("forget_bias", self.forget_bias);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Gated recurrent units (Cho et al. 2014). Gates: update, reset, candidate.
struct Gru {
  static constexpr std::string_view kKind = "gru";
  static constexpr bool kTakesMask = true;
  std::int64_t hidden = 1;  ///< units
  std::int64_t layers = 1;
  bool bidirectional = false;
  bool return_sequences = false;
  float dropout = 0.0F;  ///< share of the outputs of each layer but the last that training drops
  /// The candidate sums r · (h · Rᵀ + recurrent_bias), as PyTorch and cuDNN have it, with a parameter recurrent_bias [hidden];
  /// false: (r · h) · Rᵀ, as in the paper: each step goes through the units twice.
  bool reset_after = true;
  std::string initializer = "automatic";  ///< of `weight`
  float initializer_value = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    detail::recurrent_fields(self, visit);
    visit("reset_after", self.reset_after);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
