#pragma once
/// Scaled dot-product attention and its gradients, tile by tile: no matrix [queries, keys] is stored (Dao et al., FlashAttention,
/// 2022).
///
///   s = softcap(scale · q · kᵀ) + mask        y = softmax(s) · v        l = log Σ exp(s), row by row
///
/// Forward, a block of queries meets the keys block by block; what was summed up shrinks when a larger score appears. Backward,
/// each tile of probabilities is computed again as exp(s - l). Float32; each sum is in an order that depends on the sizes alone.

#include <cstddef>
#include <cstdint>

#include "neurons/base/thread_team.hpp"

namespace neurons::kernels {

/// A tensor [batch, heads, steps, size], whichever way it lies: the elements of a step are neighbours.
template <typename T>
struct Heads {
  T* data = nullptr;
  std::int64_t batch_stride = 0;
  std::int64_t head_stride = 0;
  std::int64_t step_stride = 0;

  T* at(std::int64_t batch, std::int64_t head, std::int64_t step) const noexcept {
    return data + batch * batch_stride + head * head_stride + step * step_stride;
  }
};

/// A mask over [batch, heads, queries, keys]: what it says of a score, or adds to it. Strides are 0 along what it does not tell
/// apart.
struct AttentionMask {
  const std::byte* data = nullptr;  ///< null: none
  bool boolean = false;             ///< bytes: 0 leaves the key out; else floats, which are added
  std::int64_t batch_stride = 0;
  std::int64_t head_stride = 0;
  std::int64_t query_stride = 0;
  std::int64_t key_stride = 0;  ///< 0 or 1
};

struct Attention {
  std::int64_t batch = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  ///< divides heads: that many share a head of keys and values
  std::int64_t queries = 0;
  std::int64_t keys = 0;
  std::int64_t size = 0;        ///< of a head of queries and keys
  std::int64_t value_size = 0;  ///< of a head of values
  float scale = 1;
  float softcap = 0;      ///< s becomes softcap · tanh(s / softcap); 0: stays
  bool causal = false;    ///< query i sees the keys up to i + past
  std::int64_t past = 0;  ///< keys before the first query
  AttentionMask mask;
  Heads<const float> q, k, v;
  Heads<float> y;
  float* log_sum_exp = nullptr;  ///< [batch, heads, queries]; 0 where a query sees no key: its y is 0
};
/// Bytes of scratch that one worker needs.
std::size_t scratch_bytes(const Attention& call) noexcept;
/// Computes worker.index's share of the heads, and of their queries.
void attention(const Attention& call, std::byte* scratch, Worker worker) noexcept;

struct AttentionGradient {
  Attention forward;  ///< y and log_sum_exp as it left them
  Heads<const float> dy;
  const float* dlog_sum_exp = nullptr;  ///< [batch, heads, queries], or null
  Heads<float> dq, dk, dv;
};
std::size_t scratch_bytes(const AttentionGradient& call) noexcept;
/// Computes worker.index's share of the heads of keys.
void attention_gradient(const AttentionGradient& call, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
