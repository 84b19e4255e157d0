#pragma once
/// Local response normalisation (Krizhevsky et al. 2012): each number divided by a power of the squares around it.

#include <cstdint>

#include "neurons/base/thread_team.hpp"

namespace neurons::kernels {

/// y = x / (bias + share · Σ of x² over the channels from `before` below to `after` above)^beta; x and y [batch, channels, pixels].
/// What lies beyond the channels counts for nothing.
struct LocalResponse {
  std::int64_t batch = 0;
  std::int64_t channels = 0;
  std::int64_t pixels = 0;
  std::int64_t before = 0;
  std::int64_t after = 0;
  float share = 0;
  float beta = 0;
  float bias = 1;  ///< above 0
  const float* x = nullptr;
  float* y = nullptr;
};
void local_response(const LocalResponse& call, Worker worker) noexcept;

}  // namespace neurons::kernels
