#pragma once
/// From a graph to a file's nodes.

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "neurons/formats/onnx/model.hpp"
#include "neurons/formats/onnx/variants.hpp"
#include "neurons/graph/graph.hpp"
#include "neurons/layers/waves.hpp"

namespace neurons::onnx {

/// Opsets that can be written.
inline constexpr std::int64_t kOldestWritten = 13;
inline constexpr std::int64_t kNewestWritten = 24;
inline constexpr std::int64_t kUsualWritten = 21;

struct ExportOptions {
  std::int64_t opset = kUsualWritten;
  bool or_later = false;  ///< where the opset lacks an operator, the lowest later one that has all
  std::map<std::string, std::string> metadata = {};
  std::string name = "network";   ///< of the graph
  std::vector<Waves> waves = {};  ///< of which tables with a row for each step may be, where the time is open
};

/// Whether the op can be written for that opset as it is. Others may be made of such ones.
bool can_be_written(const OpDef& op, std::int64_t opset);

/// A graph as it is for a batch of that size.
using GraphOfBatch = std::function<Graph(std::int64_t batch)>;
/// The value of a state of the graph.
using ValueOfState = std::function<Tensor(const std::string& name)>;

/// The graph as a model in which the first input's first axis, "batch", is open and, where the variants have two open extents, its
/// second, "time". What differs between variants follows them: they should hold several extents of each axis. Ops that the opset
/// does not have are written as simpler ones; states become initialisers. Throws InputError naming the node that ONNX has no
/// operator for, and one whose numbers hang on an open extent in a way that a file cannot say.
Model to_model(std::vector<Variant> variants, const ValueOfState& state, const ExportOptions& options = {});
/// The same with an open batch alone.
Model to_model(const GraphOfBatch& graph, const ValueOfState& state, const ExportOptions& options = {});

}  // namespace neurons::onnx
