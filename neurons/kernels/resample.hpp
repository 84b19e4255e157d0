#pragma once
/// Weighted sums of entries along axes: how images are enlarged and made smaller.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "neurons/base/thread_team.hpp"

namespace neurons::kernels {

/// Along one axis: result i is the sum of weight[t] · the entry source[t] for t in [begin[i], begin[i + 1]).
struct AxisSums {
  std::int64_t sources = 0;        ///< entries of the axis that is read
  std::vector<std::size_t> begin;  ///< one more than results
  std::vector<std::int64_t> source;
  std::vector<float> weight;

  std::int64_t results() const { return static_cast<std::int64_t>(begin.size()) - 1; }
  std::size_t most_terms() const;  ///< of one result
};

/// y [outer, results of each axis…, inner] from x [outer, sources of each axis…, inner].
struct Resample {
  std::int64_t outer = 1;
  std::vector<AxisSums> axes;  ///< at least one
  std::int64_t inner = 1;
  float empty = 0;  ///< the result where some axis has no term
  const float* x = nullptr;
  float* y = nullptr;

  /// For each worker.
  std::size_t scratch_bytes() const;
};

/// A row of x that a row of y sums, all axes but the last considered: what scratch holds.
struct ResampleTerm {
  std::int64_t offset = 0;
  float weight = 1;
};

/// The sum over all axes at once: the weight of an entry is the product of its weights. Workers share the rows of the result.
void resample(const Resample& call, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
