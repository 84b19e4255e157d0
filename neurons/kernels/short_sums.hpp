#pragma once
/// Convolutions of few products per result: private to the convolution kernels.

#include "neurons/kernels/convolution_plan.hpp"

namespace neurons::kernels {

/// Results of a group come in whole vectors where they are so many or a multiple.
inline constexpr std::int64_t kShortSumColumns = 16;

/// Positions that are summed side by side.
struct TileHeights {
  std::int64_t least = 1;
  std::int64_t most = 1;
};

/// What run_short_sums() needs beside the plan, or nothing where each sum is long, results do not fill whole vectors, or phases of
/// strides take turns.
std::optional<ShortSums> short_sums(const PreparedConvolution::Plan& plan);
/// Computes worker.index's share of a plan that has short sums.
void run_short_sums(const PreparedConvolution::Plan& plan, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
