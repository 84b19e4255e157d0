#pragma once
/// Recurrent neurons that go on where they stopped: what they remember at the end of a run is where the next run begins.

#include <string>
#include <string_view>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons {

struct CarriedGraph {
  Graph graph;
  /// The states that it assigns, zeros before the first step: of each RNN, GRU and LSTM "NODE.hidden", of an LSTM "NODE.cells" too.
  /// A row of each holds the numbers of that row of the batch.
  std::vector<std::string> memory;
};

/// The graph with memory in place of the zeros in which every RNN, GRU and LSTM begins, be it a layer's or an ONNX model's. What is
/// behind the memory is not differentiated: no gradient goes back beyond the run. Names of memory end with `suffix`. Throws
/// InputError beginning with `purpose` where some of them go backward in time, or begin with numbers that the network itself gives
/// them, or where there are none.
CarriedGraph carry_state(const Graph& graph, std::string_view purpose, std::string_view suffix = "");

}  // namespace neurons
