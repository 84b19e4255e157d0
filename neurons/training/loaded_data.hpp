#pragma once
/// A dataset laid into the input buffers of plans once and for all, and a network's trained parameters as one vector: what
/// full-batch methods work on.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "neurons/data/dataset.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons {

/// The trained parameters of a network, one after the other, in double precision.
class FlatParameters {
 public:
  struct Entry {
    std::string name;
    TensorType type;
    std::size_t offset = 0;  ///< in the vector
    bool is_weight = false;  ///< of rank above 1: not a bias or scale
  };
  explicit FlatParameters(const Network& network);

  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t size() const { return size_; }
  /// The network's own numbers.
  std::vector<double> read(const Network& network) const;
  /// For each number: `l2` in weights, 0 in biases.
  std::vector<double> decay(double l2) const;
  /// For each number: which tensor it belongs to.
  std::vector<std::size_t> groups() const;
  /// Rounded to float.
  void write(std::span<const double> point, StateStore& states) const;
  void write(std::span<const double> point, Network& network) const;

 private:
  Tensor tensor(const Entry& entry, std::span<const double> point) const;
  std::vector<Entry> entries_;
  std::size_t size_ = 0;
};

/// The network's parameters as the states of plans.
std::shared_ptr<StateStore> states_of(const Network& network);

/// All samples of a dataset, in batches of almost equal size, each in an input slot of a plan of its own number of rows.
class PlannedData {
 public:
  /// At most so many rows in a batch: activations then stay in the caches.
  static constexpr std::int64_t kBatchRows = 512;
  using MakeGraph = std::function<Graph(std::int64_t rows)>;

  /// `make_graph` gives a graph with inputs of the network's input name, "target" and, if the data has weights, "sample_weights".
  PlannedData(const Dataset& data, const std::string& input, const MakeGraph& make_graph, std::shared_ptr<StateStore> states,
              const std::shared_ptr<ThreadTeam>& team);

  struct Batch {
    Plan* plan = nullptr;
    int slot = 0;
    std::int64_t rows = 0;
    TensorView inputs;
    TensorView targets;
    TensorView weights;  ///< null data where the dataset has none
  };
  const std::vector<Batch>& batches() const { return batches_; }

 private:
  std::map<std::int64_t, Plan> plans_;  ///< by number of rows
  std::vector<Batch> batches_;
};

}  // namespace neurons
