#pragma once
/// Pools: each output is the maximum, sum or mean of what a window shows of one channel. Channels last throughout, as in
/// convolution.hpp: x[batch, depth, height, width, channels]; fewer spatial axes are three with extents of 1.
///
/// Vectors run over channels; workers share rows of pixels, or channels where there are few rows. Each number is made by one worker
/// in one fixed order, so results are bit-identical for any number of workers.

#include <array>
#include <cstdint>

#include "neurons/base/thread_team.hpp"

namespace neurons::kernels {

/// Extents of one pool. What a window shows outside of the input counts for nothing.
struct PoolShape {
  using Axes = std::array<std::int64_t, 3>;  ///< depth, height, width

  /// Taps [begin, end) of a window.
  struct Taps {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t count() const noexcept { return end - begin; }
  };

  std::int64_t batch = 0;
  std::int64_t channels = 1;
  Axes input{1, 1, 1};
  Axes output{1, 1, 1};
  Axes kernel{1, 1, 1};
  Axes stride{1, 1, 1};
  Axes dilation{1, 1, 1};
  Axes pad{0, 0, 0};      ///< before the first input
  Axes pad_end{0, 0, 0};  ///< behind the last: matters for means over padding alone

  std::int64_t input_pixels() const noexcept { return input[0] * input[1] * input[2]; }
  std::int64_t output_pixels() const noexcept { return output[0] * output[1] * output[2]; }
  std::int64_t taps() const noexcept { return kernel[0] * kernel[1] * kernel[2]; }
  /// Where window `o` begins on an axis; negative in the padding.
  std::int64_t start(std::size_t axis, std::int64_t o) const noexcept { return o * stride[axis] - pad[axis]; }
  /// The taps of window `o` that lie in the input.
  Taps inside(std::size_t axis, std::int64_t o) const noexcept { return between(axis, o, 0, input[axis]); }
  /// … in the input or its padding.
  Taps padded(std::size_t axis, std::int64_t o) const noexcept { return between(axis, o, -pad[axis], input[axis] + pad_end[axis]); }
  /// … at [first, last).
  Taps between(std::size_t axis, std::int64_t o, std::int64_t first, std::int64_t last) const noexcept {
    const std::int64_t at = start(axis, o);
    const std::int64_t step = dilation[axis];
    if (at >= first && at + (kernel[axis] - 1) * step < last) return {0, kernel[axis]};
    const std::int64_t begin = at >= first ? 0 : (first - at + step - 1) / step;
    const std::int64_t end = at >= last ? 0 : (last - at + step - 1) / step;
    return {begin < kernel[axis] ? begin : kernel[axis], end < kernel[axis] ? end : kernel[axis]};
  }
};

/// What the sum over a window is divided by.
enum class PoolDivisor : std::uint8_t {
  one,     ///< a sum
  inside,  ///< the number of inputs that the window shows
  padded,  ///< the number of inputs and of places in the padding; what lies behind the padding does not count
};

/// y = the largest that each window shows. NaN counts as larger than all numbers.
void max_pool(const PoolShape& shape, const float* x, float* y, Worker worker) noexcept;
/// The same, and where the maxima are: the first of equals in the order of taps, but the last of several NaN. Places count [batch,
/// channels, pixels]; in an image the last axis counts fastest or, with `columns_first`, the first. Images of less than 2^31
/// pixels.
void max_pool_places(const PoolShape& shape, bool columns_first, const float* x, float* y, std::int64_t* places,
                     Worker worker) noexcept;
/// dx = the sum of dy over the windows whose maximum it is: the first of equals in the order of taps, but the last of several NaN
/// (as PyTorch chooses).
void max_pool_gradient(const PoolShape& shape, const float* x, const float* dy, float* dx, Worker worker) noexcept;
/// y = the sum of what each window shows, divided.
void sum_pool(const PoolShape& shape, PoolDivisor divisor, const float* x, float* y, Worker worker) noexcept;
/// dx = the sum of dy, divided, over the windows that show it.
void sum_pool_gradient(const PoolShape& shape, PoolDivisor divisor, const float* dy, float* dx, Worker worker) noexcept;

}  // namespace neurons::kernels
