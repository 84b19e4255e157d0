#pragma once
/// What forms of attention have in common: their options, the sizes of their operands, and attention in plain ops.

#include <functional>

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

struct AttentionOptions {
  std::int64_t q_num_heads = 0;   ///< of queries [batch, time, heads · size]; those of rank 4 tell it themselves
  std::int64_t kv_num_heads = 0;  ///< the same of keys and values
  bool is_causal = false;         ///< a query sees no key behind its own place
  float scale = 0;                ///< of the products; 0: 1 / √size
  float softcap = 0;              ///< scores become softcap · tanh(score / softcap); 0: they stay

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("q_num_heads", self.q_num_heads);
    visit("kv_num_heads", self.kv_num_heads);
    visit("is_causal", self.is_causal);
    visit("scale", self.scale);
    visit("softcap", self.softcap);
  }
};

/// Where the first query stands behind the first key.
struct PlacedAttentionOptions : AttentionOptions {
  std::int64_t past = 0;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    AttentionOptions::fields(self, visit);
    visit("past", self.past);
  }
};

/// A tensor [batch, time, heads · size] or [batch, heads, time, size].
struct HeadsShape {
  std::int64_t batch = 0, heads = 0, steps = 0, size = 0;
  std::int64_t batch_stride = 0, head_stride = 0, step_stride = 0;

  HeadsShape() = default;
  /// `heads` is that of a tensor of rank 3, and divides its last axis.
  HeadsShape(const Shape& shape, std::int64_t heads);
  std::int64_t at(std::int64_t b, std::int64_t h, std::int64_t t) const {
    return b * batch_stride + h * head_stride + t * step_stride;
  }
};

struct AttentionSizes {
  HeadsShape q, k, v, y;
  Shape y_shape;
  Shape row_shape;  ///< [batch, heads, queries]
  double scale = 1;
  bool causal = false;
  std::int64_t past = 0;

  AttentionSizes(const Shape& q_shape, const Shape& k_shape, const Shape& v_shape, const PlacedAttentionOptions& options);
  /// The keys that a query sees: those before this one.
  std::int64_t visible(std::int64_t query) const;
  /// Pairs of a query and a key that it sees, in one head.
  double pairs() const;
  /// [batch, heads, queries, keys]
  Shape score_shape() const { return {q.batch, q.heads, q.steps, k.steps}; }
};

/// Checks that the operands' types and shapes fit together (`mask` absent: rank 0 and not present). `context` names the op.
void check_attention(const InferContext& context, const Shape& q, const Shape& k, const Shape& v, const AttentionOptions& options);
void check_attention_mask(const InferContext& context, std::size_t mask, const Shape& scores);

/// Attention in plain ops up to the probabilities: the whole matrices [batch, heads, queries, keys] are there.
struct PlainScores {
  Value products;       ///< scale · q · kᵀ
  Value capped;         ///< softcap · tanh(products / softcap), or the products
  Value masked;         ///< capped + mask; a far negative number where a query does not see the key
  Value seen;           ///< bool: what a query sees; absent: all
  Value probabilities;  ///< 0 in a row that sees no key
  Value any;            ///< [batch, heads, queries, 1]: 1 where a row sees a key; absent: all do
};
/// `softmax`: the type in which the probabilities are computed; they are of the queries' type.
PlainScores plain_scores(Value q, Value k, Value mask, const PlacedAttentionOptions& options, DType softmax);

/// y and log Σ exp of each row from these. The probabilities go through `change` if that is given (dropout). A row that sees no key
/// gives 0.
std::vector<Value> plain_attention(Value q, Value k, Value v, Value mask, const PlacedAttentionOptions& options,
                                   const std::function<Value(Value)>& change = {});
/// y alone.
Value plain_output(Value q, Value probabilities, Value v, const PlacedAttentionOptions& options);

/// The graph's constant of these numbers, or a new one: what layers see of the steps is there once, however many they are.
Value shared_constant(Graph& graph, Tensor numbers);

/// [batch, time, heads · size] as [batch, heads, time, size]; others as they are.
Value split_heads(Value value, std::int64_t heads);

}  // namespace neurons::ops
