#pragma once
/// Methods that look at all samples before each update, on networks: L-BFGS and Levenberg–Marquardt.
///
///     auto run = start_full_batch(Lbfgs{}, network, data, {.loss = CrossEntropy{}});
///     while (!run->iterate().converged) {}
///     network = run->network();

#include <map>
#include <memory>
#include <string>

#include "neurons/base/thread_team.hpp"
#include "neurons/data/dataset.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/training/loss.hpp"
#include "neurons/training/losses.hpp"
#include "neurons/training/method.hpp"

namespace neurons {

struct FullBatchOptions {
  Loss loss = CrossEntropy{};
  double l2 = 0;                       ///< adds l2 · w to the gradients of weights (not biases)
  std::shared_ptr<ThreadTeam> team{};  ///< null: a team of one thread for each core
};

/// What one iteration came to.
struct IterationResult {
  double loss = 0;           ///< mean over all samples at the new point, without penalties
  double objective = 0;      ///< what is made small: with penalties
  double gradient_norm = 0;  ///< of the objective at the new point
  bool finite = true;        ///< false: the loss is NaN or infinite where the iteration would begin; nothing was updated
  bool converged = false;    ///< nothing is left to gain: go on calling, and nothing changes
};

/// A network being trained on all of its data at once.
class FullBatchRun {
 public:
  virtual ~FullBatchRun() = default;
  /// One update of all parameters. Bit-identical for any number of threads.
  virtual IterationResult iterate() = 0;
  /// The network with the parameters as they are now.
  virtual const Network& network() = 0;
  /// All that is needed to go on bit-exactly, by name; the parameters are network()'s.
  virtual std::map<std::string, Tensor> state() const = 0;
  /// Goes back to that state, parameters included. Throws InputError if a tensor is missing or does not fit.
  virtual void restore(const std::map<std::string, Tensor>& state) = 0;
  /// A few words for listings: "damping 1e-4, 17.3 effective parameters".
  virtual std::string summary() const = 0;
};

/// Begins. Draws the parameters if the network has none; copies the data (as floats). Frozen parameters stay as they are. Throws
/// InputError where method, network, loss and data do not fit together: a first-order method; several inputs; dropout (the function
/// must not change between evaluations); Levenberg–Marquardt with another loss than mse, or for more than 4,096 trained parameters.
std::unique_ptr<FullBatchRun> start_full_batch(const Method& method, const Network& network, const Dataset& data,
                                               const FullBatchOptions& options);

}  // namespace neurons
