#pragma once
/// A network's mean loss on a dataset as a smooth function of its parameters, for L-BFGS.

#include <memory>
#include <span>

#include "neurons/training/loaded_data.hpp"
#include "neurons/training/loss.hpp"

namespace neurons {

/// Mean loss over all samples + ½ l2 Σ w² over weights (not biases). Plans give floats; batches are summed in double.
class NetworkMeanLoss {
 public:
  /// The network must have its parameters and one input.
  NetworkMeanLoss(const Network& network, const Dataset& data, const Loss& loss, double l2,
                  const std::shared_ptr<ThreadTeam>& team);

  const FlatParameters& flat() const { return flat_; }
  /// The value at `point`; fills `gradient`.
  double operator()(std::span<const double> point, std::span<double> gradient);
  /// ½ l2 Σ w².
  double penalty(std::span<const double> point) const;

 private:
  FlatParameters flat_;
  std::vector<double> decay_;  ///< of each parameter
  std::shared_ptr<StateStore> states_;
  PlannedData data_;
};

}  // namespace neurons
