#pragma once
/// What normalisations have in common: statistics, y = (x - mean) / √(variance + epsilon) · scale + bias, and gradients.

#include <functional>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

/// Mean and variance of each channel of x [batch, spatial…, channels], over all images ([channels]) or within each ([batch,
/// channels]).
struct ChannelStatistics {
  Value mean;
  Value variance;
};
ChannelStatistics channel_statistics(Value x, bool per_image);

/// Σ dy and Σ dy · (x - mean) · inverse of each channel, in the shape of `mean`, which is one of channel_statistics.
struct ChannelProducts {
  Value sums;
  Value products;
};
ChannelProducts channel_products(Value x, Value dy, Value mean, Value inverse);

/// x · a + b and x · p + y · q + r in one step, broadcasting.
Value multiply_add(Value x, Value a, Value b);
Value weighted_pair(Value x, Value p, Value y, Value q, Value r);

/// 1 / √(variance + epsilon)
Value inverse_deviation(Value variance, float epsilon);

/// The gradient of y = (x - mean) / √(variance + epsilon) · scale, where mean and variance are those over `axes` of x (mean 0 and
/// the mean square where not `centred`), in simple ops; `scale` broadcasts to x.
struct PlainGradient {
  Value dx;
  Value slopes;  ///< dy · (x - mean) / √(…), to be summed to the shape of scale
};
PlainGradient plain_normalization_gradient(Value x, Value dy, Value scale, const std::vector<std::int64_t>& axes, bool centred,
                                           float epsilon);

/// Which elements are normalised together, and which scale and bias an element has: for references.
struct NormalizedElements {
  std::size_t groups = 0;
  std::function<std::size_t(std::size_t)> group_of;
  std::function<std::size_t(std::size_t)> scale_of;
  double epsilon = 0;
  bool centred = true;

  /// Channels first, over the whole batch (`channel_groups` 0) or within each image's groups of channels.
  static NormalizedElements of_channels(const Shape& x, std::int64_t channel_groups, float epsilon);
  /// Over axis `axis` and those after it.
  static NormalizedElements of_rows(const Shape& x, std::int64_t axis, float epsilon, bool centred);

  struct Statistics {
    std::vector<double> mean;
    std::vector<double> variance;
    std::vector<double> count;
  };
  Statistics statistics(const std::vector<double>& x) const;
  double inverse(const Statistics& known, std::size_t group) const;
  /// y; `bias` may be null.
  void normalize(const Statistics& known, const ReferenceTensor& x, const ReferenceTensor& scale, const ReferenceTensor* bias,
                 ReferenceTensor& y) const;
  /// dx, dscale, and dbias unless null.
  void differentiate(const ReferenceTensor& x, const ReferenceTensor& dy, const ReferenceTensor& scale, ReferenceTensor& dx,
                     ReferenceTensor& dscale, ReferenceTensor* dbias) const;
};

}  // namespace neurons::ops
