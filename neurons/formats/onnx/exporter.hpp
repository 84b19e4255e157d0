#pragma once
/// From a graph to a file's nodes.

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "neurons/formats/onnx/model.hpp"
#include "neurons/graph/graph.hpp"

namespace neurons::onnx {

/// Opsets that can be written.
inline constexpr std::int64_t kOldestWritten = 13;
inline constexpr std::int64_t kNewestWritten = 24;
inline constexpr std::int64_t kUsualWritten = 21;

struct ExportOptions {
  std::int64_t opset = kUsualWritten;
  bool or_later = false;  ///< where the opset lacks an operator, the lowest later one that has all
  std::map<std::string, std::string> metadata = {};
  std::string name = "network";  ///< of the graph
};

/// Whether the op can be written for that opset as it is. Others may be made of such ones.
bool can_be_written(const OpDef& op, std::int64_t opset);

/// A graph as it is for a batch of that size.
using GraphOfBatch = std::function<Graph(std::int64_t batch)>;
/// The value of a state of the graph.
using ValueOfState = std::function<Tensor(const std::string& name)>;

/// The graph as a model whose first axes are called "batch": what differs between batches of 2 and of 3 samples follows the batch.
/// Ops that the opset does not have are written as simpler ones; states become initialisers. Throws InputError naming the node that
/// ONNX has no operator for, and one whose numbers hang on the batch in a way that a file cannot say.
Model to_model(const GraphOfBatch& graph, const ValueOfState& state, const ExportOptions& options = {});

}  // namespace neurons::onnx
