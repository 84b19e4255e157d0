#pragma once
/// Whether the gradients that training uses are the derivatives of the loss.

#include <cstdint>
#include <string>
#include <vector>

#include "neurons/layers/network.hpp"
#include "neurons/training/output_losses.hpp"

namespace neurons {

struct GradientCheckOptions {
  std::int64_t elements = 64;  ///< of each parameter to look at one by one; 0: all
  double step = 1e-5;          ///< h of (L(w + h) - L(w - h)) / 2h
  std::uint64_t seed = 0;      ///< of which elements, of the direction, and of the point
};

/// One parameter's worst case.
struct GradientCheck {
  std::string parameter;
  std::int64_t elements = 0;  ///< of the parameter
  std::int64_t checked = 0;   ///< one by one
  double worst_error = 0;     ///< relative: |a - d| / max(|a|, |d|, 1e-6 · largest |a| of the parameter, 1e-9); infinite for NaN,
                              ///< 0 where a and d are within the rounding of the losses, 8ε·|L| / h
  std::int64_t worst_element = 0;
  double gradient = 0;         ///< a, there
  double difference = 0;       ///< d, there
  double direction_error = 0;  ///< relative error along one random direction through all elements at once
};

/// Compares, in double precision, gradients() of the mean loss with central differences, for every trained parameter: `elements` of
/// its elements, and one random direction in which all of them move. The point is one near the network's parameters, each moved by
/// about a thousandth; where a difference is off, smaller steps are tried, too: rectifiers and maxima have no derivative at their
/// kinks, where a bias of 0 and a black picture are exactly. Dropout keeps the same elements throughout. `inputs` is
/// [rows, …]; `targets` are labels i64 [rows] or values f32. Throws InputError where network, loss, and data do not fit.
std::vector<GradientCheck> check_gradients(const Network& network, const Loss& loss, const Tensor& inputs, const Tensor& targets,
                                           const GradientCheckOptions& options = {});

/// The same of a network with several inputs, in their order, and targets for each of its losses, in theirs.
std::vector<GradientCheck> check_gradients(const Network& network, const Losses& loss, const std::vector<Tensor>& inputs,
                                           const std::vector<Tensor>& targets, const GradientCheckOptions& options = {});

}  // namespace neurons
