#pragma once
/// A network's errors on a dataset as a sum of squares, with the Jacobian that Levenberg–Marquardt needs.

#include <memory>
#include <span>
#include <vector>

#include "neurons/training/levenberg_marquardt.hpp"
#include "neurons/training/loaded_data.hpp"

namespace neurons {

/// Residuals √weight · (prediction - target), one for each sample and output. The Jacobian's rows are gradients of single outputs
/// for single samples; JᵀJ is summed in blocks of rows by the matrix product, in float within a block and in double over blocks.
class NetworkSquares final : public LeastSquares {
 public:
  /// The network must have its parameters, one input, and outputs like the dataset's targets, f32 [samples, outputs].
  NetworkSquares(const Network& network, const Dataset& data, std::shared_ptr<ThreadTeam> team);

  std::size_t parameters() const override { return flat_.size(); }
  std::size_t residuals() const override { return residuals_; }
  double squares(std::span<const double> point) override;
  double linearize(std::span<const double> point, std::span<double> gradient, std::span<double> curvature) override;

  const FlatParameters& flat() const { return flat_; }
  /// Σ weight, the number of samples where none has a weight.
  double total_weight() const { return total_weight_; }

 private:
  /// The residuals of a batch whose plan has run.
  std::vector<double> residuals_of(const PlannedData::Batch& batch) const;
  void add_block(std::int64_t rows, std::span<double> curvature);

  FlatParameters flat_;
  std::shared_ptr<StateStore> states_;
  std::shared_ptr<ThreadTeam> team_;
  PlannedData data_;
  std::string input_;
  Plan single_;                                              ///< one sample: slopes of each of its outputs
  std::vector<std::vector<std::span<const float>>> slopes_;  ///< [output][parameter]: where that plan leaves them
  std::vector<float> block_;                                 ///< rows of the Jacobian [block rows, parameters]
  std::vector<float> product_;                               ///< [parameters, parameters]
  AlignedBuffer scratch_;
  std::size_t residuals_ = 0;
  double total_weight_ = 0;
};

}  // namespace neurons
