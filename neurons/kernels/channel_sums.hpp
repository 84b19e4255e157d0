#pragma once
/// Sums over the rows of each channel, for normalisations. Memory is read once; what comes out is the same for any number of
/// workers.

#include <cstdint>

#include "neurons/base/thread_team.hpp"

namespace neurons::kernels {

/// x [samples, rows, channels]. Every sample's rows are summed in blocks that depend on these extents alone; the blocks' results,
/// partials [samples, blocks, 2, channels], are then combined in order.
struct ChannelRows {
  std::int64_t samples = 1;
  std::int64_t rows = 0;  ///< at least 1
  std::int64_t channels = 0;

  std::int64_t block_rows() const noexcept;
  std::int64_t blocks() const noexcept;  ///< of one sample
};

/// Of each block, each channel's mean m and Σ (x - m)².
void channel_moments(const ChannelRows& extents, const float* x, float* partials, Worker worker) noexcept;
/// Mean and variance (the mean square distance from the mean) over all rows, [samples, channels].
void combine_moments(const ChannelRows& extents, const float* partials, float* mean, float* variance) noexcept;

/// Of each block, each channel's Σ dy and Σ dy · (x - mean) · inverse; mean and inverse are [samples, channels].
void channel_products(const ChannelRows& extents, const float* x, const float* dy, const float* mean, const float* inverse,
                      float* partials, Worker worker) noexcept;
/// The two sums over all rows, [samples, channels] each.
void combine_products(const ChannelRows& extents, const float* partials, float* sums, float* products) noexcept;

}  // namespace neurons::kernels
