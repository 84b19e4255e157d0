#pragma once
/// Transformer blocks (Vaswani et al. 2017): attention, then neurons that see each step alone, each with a way around it.

#include "neurons/layers/layer.hpp"

namespace neurons {

/// x + attention(norm(x)), then x + feed-forward(norm(x)); with `post_norm` norm(x + attention(x)), then norm(x + feed-forward(x)),
/// as first published. Behind the last block of the first form belongs a LayerNorm. With `causal` it is the block of a language
/// model. Inputs: x [batch, time, width], and a mask (see MultiHeadAttention); y: [batch, time, width]. Parts: attention (its own
/// parts), attention_norm, feed_forward, feed_forward_output, feed_forward_norm. Throws InputError as these do.
struct TransformerEncoder {
  static constexpr std::string_view kKind = "transformer_encoder";
  static constexpr bool kTakesMask = true;
  std::int64_t heads = 1;
  std::int64_t feed_forward = 0;    ///< neurons between; 0: four times the width
  std::string activation = "gelu";  ///< theirs
  float dropout = 0.0F;             ///< of attention's weights, of those neurons, and of what each half adds
  bool causal = false;
  bool post_norm = false;
  std::int64_t kv_heads = 0;
  bool rotary = false;
  float epsilon = 1e-5F;  ///< of the normalisations

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("heads", self.heads);
    visit("feed_forward", self.feed_forward);
    visit("activation", self.activation);
    visit("dropout", self.dropout);
    visit("causal", self.causal);
    visit("post_norm", self.post_norm);
    visit("kv_heads", self.kv_heads);
    visit("rotary", self.rotary);
    visit("epsilon", self.epsilon);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// The block that writes while it reads: causal attention over x, attention from x to a memory, and the feed-forward half. Inputs:
/// x [batch, time, width], the memory [batch, source time, source width] (an encoder's output), a mask of the memory (see
/// MultiHeadAttention) if it has padding, and behind it one of x bool [batch, time], or its lengths; y: [batch, time, width].
/// Parts: attention, attention_norm, cross_attention, cross_attention_norm, feed_forward, feed_forward_output, feed_forward_norm.
struct TransformerDecoder {
  static constexpr std::string_view kKind = "transformer_decoder";
  static constexpr bool kTakesMask = true;
  std::int64_t heads = 1;
  std::int64_t feed_forward = 0;
  std::string activation = "gelu";
  float dropout = 0.0F;
  bool post_norm = false;
  std::int64_t kv_heads = 0;
  bool rotary = false;  ///< of the attention over x
  float epsilon = 1e-5F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("heads", self.heads);
    visit("feed_forward", self.feed_forward);
    visit("activation", self.activation);
    visit("dropout", self.dropout);
    visit("post_norm", self.post_norm);
    visit("kv_heads", self.kv_heads);
    visit("rotary", self.rotary);
    visit("epsilon", self.epsilon);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
