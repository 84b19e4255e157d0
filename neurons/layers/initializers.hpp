#pragma once
/// How weights begin.

#include <cstdint>
#include <string>

#include "neurons/base/random.hpp"
#include "neurons/tensor/tensor.hpp"

namespace neurons {

/// `kind`: "automatic" (He for rectifiers, LeCun for SELU, Xavier otherwise), "xavier_normal", "xavier_uniform" (Glorot & Bengio
/// 2010), "he_normal", "he_uniform" (He et al. 2015), "lecun_normal", "lecun_uniform" (LeCun et al. 1998), "orthogonal" (Saxe et
/// al. 2014), "constant", "normal", "uniform" (half-width `value`), "torch" (uniform ±1/√fan_in, PyTorch's default for dense
/// layers), "forget_gate" (`value` in the third quarter, where an LSTM's bias has its forget gates; 0 elsewhere).
struct Initializer {
  std::string kind = "automatic";
  float value = 0.0F;  ///< of "constant" and "forget_gate"; standard deviation of "normal", half-width of "uniform"; gain of
                       ///< "orthogonal" (0: 1)
};

/// Throws InputError for an unknown kind, a value that is not finite, and a "normal" or "uniform" whose value is not above 0: all
/// neurons would begin equal.
void check(const Initializer& initializer);

/// What follows weights, which they suit.
struct Following {
  std::string activation = "identity";
  double negative_slope = 0;  ///< of leaky rectifiers: what they leave of a negative sum
};

/// A tensor of the shape, drawn from `random`. "automatic" looks at the activation that follows, and He's variance is
/// 2 / (1 + negative_slope²) / fan_in (He et al. 2015, equation 15). "orthogonal" sees the shape as a matrix [first extent, rest].
/// Throws InputError as check() does.
Tensor initialize(const Initializer& initializer, const Shape& shape, std::int64_t fan_in, std::int64_t fan_out,
                  const Following& following, RandomStream& random);

}  // namespace neurons
