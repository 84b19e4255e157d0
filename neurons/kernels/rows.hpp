#pragma once
/// Loops along one axis: softmax and its kin, losses, reductions, gathering. Float32; every row's arithmetic is in one fixed order.

#include <cstdint>

#include "neurons/base/thread_team.hpp"

namespace neurons::kernels {

/// Softmax along the middle axis of x[outer, axis, inner]: y = exp(x - max) / sum. A row of -inf alone gives NaN, as in the
/// formula.
void softmax(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* x, float* y, Worker worker) noexcept;
void log_softmax(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* x, float* y, Worker worker) noexcept;
/// dx = y · (dy - Σ dy·y)
void softmax_gradient(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* dy, const float* y, float* dx,
                      Worker worker) noexcept;
/// dx = dy - exp(y) · Σ dy, where y is the log-softmax
void log_softmax_gradient(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* dy, const float* y, float* dx,
                          Worker worker) noexcept;

/// Cross-entropy of logits[rows, classes] against i64 labels, with label smoothing and optional class weights, in one pass:
/// losses[r] = weight(label) · Σ_c -target_c · log_softmax(logits)_c, where target is (1 - smoothing) at the label plus
/// smoothing / classes everywhere (PyTorch's definition: with class weights, each smoothed term is weighted by its own class);
/// probabilities[rows, classes] is the softmax (may be null). weights[r] receives the row's weight for the weighted mean (may be
/// null). A label equal to ignore_index gives loss 0 and weight 0; any other that is no class gives loss NaN and weight 0.
struct CrossEntropyCall {
  std::int64_t rows = 0;
  std::int64_t classes = 0;
  const float* logits = nullptr;
  const std::int64_t* labels = nullptr;
  const float* class_weights = nullptr;
  float smoothing = 0.0F;
  std::int64_t ignore_index = -100;
  float* losses = nullptr;
  float* row_weights = nullptr;
  float* probabilities = nullptr;
};
void cross_entropy(const CrossEntropyCall& call, Worker worker) noexcept;
/// dlogits[r, c] = dlosses[r] · d losses[r] / d logits[r, c], from the probabilities that cross_entropy left; 0 where the label is
/// no class.
/// `dloss_stride` 0: one upstream gradient for all rows.
void cross_entropy_gradient(const CrossEntropyCall& call, const float* dlosses, std::int64_t dloss_stride, float* dlogits,
                            Worker worker) noexcept;

enum class Reduction { sum, mean, maximum, minimum, product, sum_of_squares, sum_of_absolutes };
/// Reduces the middle axis of x[outer, axis, inner] to y[outer, inner]. An empty axis gives the operation's neutral element
/// (mean: NaN).
void reduce(Reduction reduction, std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* x, float* y,
            Worker worker) noexcept;

/// y[i] = rows of `width` bytes of x at indices[i] (already in range).
void gather_rows(std::int64_t count, std::int64_t width_bytes, const std::byte* x, const std::int64_t* indices, std::byte* y,
                 Worker worker) noexcept;

/// Index of the largest element of each row of x[rows, columns]; the first of equals; NaN counts as largest.
void argmax(std::int64_t rows, std::int64_t columns, const float* x, std::int64_t* indices, Worker worker) noexcept;

}  // namespace neurons::kernels
