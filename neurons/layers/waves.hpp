#pragma once
/// Waves that tell the steps of a sequence apart.

#include <cstdint>
#include <functional>
#include <vector>

#include "neurons/tensor/tensor.hpp"

namespace neurons {

/// sin(t / radian) of step t, or the cosine of that angle.
struct Wave {
  double radian = 1;
  bool cosine = false;
};

/// As many of a kind.
using Waves = std::function<std::vector<Wave>(std::int64_t count)>;

/// Of PositionalEncoding: sin(t / period^(i/width)) for even i, behind each the cosine of its angle.
std::vector<Wave> encoding_waves(std::int64_t width, double period);
/// Of rotary attention: all cosines, or all sines, of t / 10000^(i/pairs).
std::vector<Wave> rotary_waves(std::int64_t pairs, bool cosines);

/// What each wave is at each step: `shape` is [time, waves], or that behind axes of 1.
Tensor wave_table(const Shape& shape, const std::vector<Wave>& waves);

}  // namespace neurons
