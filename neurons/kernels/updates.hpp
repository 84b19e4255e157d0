#pragma once
/// The optimisers' update rules as tile functions, so that they can run on a weight gradient's tile while it is in the cache.
///
/// Streams: the inputs gradient, weight, state…, then scalars (each a Stream with both strides 0), then the outputs weight',
/// state'…. Outputs are the same memory as the inputs they replace when training in place.

#include "neurons/kernels/tile.hpp"

namespace neurons::kernels {

/// w' = w - rate · g. Inputs (g, w, rate); outputs (w').
void sgd_update(const Tile& tile) noexcept;

/// PyTorch's form: v' = momentum · v + gain · g; w' = w - rate · (nesterov ? g + momentum · v' : v').
struct MomentumOptions {
  float momentum = 0.9F;
  bool nesterov = false;
};
/// Inputs (g, w, v, rate, gain); outputs (w', v').
void momentum_update(const Tile& tile) noexcept;

/// Kingma & Ba 2015, PyTorch's order of operations: m' = b1·m + (1-b1)·g; v' = b2·v + (1-b2)·g²;
/// w' = w·(1 - decay) - step_size · m' / (sqrt(v') / correction + epsilon), where the caller computes per step
/// step_size = rate / (1 - b1^t), correction = sqrt(1 - b2^t), decay = rate · weight_decay (AdamW; 0 for Adam).
struct AdamOptions {
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
};
/// Inputs (g, w, m, v, step_size, correction, decay); outputs (w', m', v').
void adam_update(const Tile& tile) noexcept;

/// s' = alpha·s + (1-alpha)·g²; w' = w - rate · g / (sqrt(s') + epsilon).
struct RmsPropOptions {
  float alpha = 0.99F;
  float epsilon = 1e-8F;
};
/// Inputs (g, w, s, rate); outputs (w', s').
void rmsprop_update(const Tile& tile) noexcept;

/// s' = s + g²; w' = w - rate · g / (sqrt(s') + epsilon).
struct AdagradOptions {
  float epsilon = 1e-10F;
};
/// Inputs (g, w, s, rate); outputs (w', s').
void adagrad_update(const Tile& tile) noexcept;

/// Chen et al. 2023: c = b1·m + (1-b1)·g; w' = w·(1 - decay) - rate · sign(c); m' = b2·m + (1-b2)·g.
struct LionOptions {
  float beta1 = 0.9F;
  float beta2 = 0.99F;
};
/// Inputs (g, w, m, rate, decay); outputs (w', m').
void lion_update(const Tile& tile) noexcept;

}  // namespace neurons::kernels
