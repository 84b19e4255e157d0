#pragma once
/// Attention: each step looks at others, and takes from those that answer.

#include "neurons/layers/layer.hpp"

namespace neurons {

/// Of self-attention over x [batch, time, width] the steps that see or are seen, bool [batch, time]. `mask`: which steps exist, as
/// a layer takes it, or bool [batch, queries, keys]. What stands in the others reaches nothing.
Value steps_in_use(BuildContext& context, Value x, Value mask);

/// Multi-head attention (Vaswani et al. 2017): of each step a query, a key and a value; what a step takes is the mean of all
/// values, weighted by how well its query and their keys agree, in each head apart. Inputs: x [batch, time, width]; or queries and
/// a source [batch, source time, source width] of keys and values; behind either, a mask bool [batch, keys] or [batch, queries,
/// keys], false at what is not to be seen (see PaddingMask), or the lengths [batch] of what the keys are made of; behind that of a
/// source, a mask or the lengths of the queries. y: [batch, time, width]. Parameters: weight and bias of the parts query, key,
/// value and output. A step that sees nothing takes 0. Throws InputError where heads do not divide the width, or kv_heads the
/// heads.
struct MultiHeadAttention {
  static constexpr std::string_view kKind = "multi_head_attention";
  static constexpr bool kTakesMask = true;
  std::int64_t heads = 1;
  bool causal = false;  ///< a step does not see those behind it
  std::int64_t kv_heads =
      0;                 ///< heads of keys and values, each shared by heads / kv_heads of queries (Ainslie et al. 2023); 0: heads
  bool rotary = false;   ///< queries and keys turn with their step (Su et al. 2021): agreement depends on distances
  float dropout = 0.0F;  ///< of the weights, in training; the whole matrix [time, time] is then stored
  bool bias = true;
  std::string initializer = "automatic";

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("heads", self.heads);
    visit("causal", self.causal);
    visit("kv_heads", self.kv_heads);
    visit("rotary", self.rotary);
    visit("dropout", self.dropout);
    visit("bias", self.bias);
    visit("initializer", self.initializer);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
