#pragma once
/// Which of a network's outputs have a loss, and how the losses make the one number that training makes small.

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "neurons/layers/network.hpp"
#include "neurons/training/loss.hpp"

namespace neurons {

/// The loss of one of a network's outputs.
struct OutputLoss {
  std::string output;  ///< its name
  Loss loss;
  double weight = 1;             ///< in the sum of all losses
  std::optional<bool> labels{};  ///< targets are class labels; by default where the loss is one of classes
};

/// Held by value: `Losses loss = CrossEntropy{};` is the loss of a network's first output, and
/// `Losses loss = {{"kind", CrossEntropy{}}, {"size", Huber{}, 0.5}};` the weighted sum of the losses of several, by name. Outputs
/// that are not named have none.
class Losses {
 public:
  template <typename T>
  requires std::convertible_to<T, Loss> Losses(T loss) : parts_{{"", std::move(loss)}} {}  // implicit: a loss is one
  Losses(std::initializer_list<OutputLoss> parts) : parts_(parts) {}
  Losses(std::vector<OutputLoss> parts) : parts_(std::move(parts)) {}

  /// One for each output that has a loss, in the order given, each with its output's name. Throws InputError where the network has
  /// no such output (with the nearest name), for an output named twice, a weight below 0, and where there is none at all.
  std::vector<OutputLoss> of(const Network& network) const;

 private:
  std::vector<OutputLoss> parts_;  ///< an output without a name is the first
};

/// Throws InputError where a loss that takes logits would be given probabilities: the network learns badly from what is made a
/// probability twice, and is judged wrongly.
void require_logits(const Network& network, const std::vector<OutputLoss>& losses);

/// Throws InputError where an input or output of the network is called as training's own are: see append_losses.
void require_free_names(const Network& network);

/// What belongs to one loss in a graph: "target" or, where there are several, "target.OUTPUT".
std::string name_of_part(std::string_view part, std::size_t index, const std::vector<OutputLoss>& losses);

/// Appends to the graph of a network with these outputs: inputs for targets and, if asked for, "sample_weights" [rows], which weigh
/// the rows in every loss; outputs "loss", the sum, and for each loss "loss.OUTPUT" and "loss_weight.OUTPUT", where they differ
/// from the sum and the number of rows. Throws InputError naming the output where a loss does not fit its prediction.
struct AppendedLosses {
  Value sum;
  Value weight;       ///< of the batch in the first loss: see BatchLoss
  bool even = false;  ///< that weight is each loss's
};
AppendedLosses append_losses(Graph& graph, const std::vector<OutputLoss>& losses, bool sample_weights, std::int64_t rows);

}  // namespace neurons
