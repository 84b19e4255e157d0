#pragma once
/// A network layer by layer: shapes, parameters, work.

#include <cstdint>
#include <string>
#include <vector>

#include "neurons/layers/network.hpp"

namespace neurons {

/// One call of a layer.
struct LayerSummary {
  std::string name;
  std::string kind;
  std::vector<std::string> from;  ///< the inputs or layers that flow in
  Shape output;                   ///< per sample
  std::int64_t parameters = 0;    ///< 0 for a later call of a shared layer
  std::int64_t trained = 0;       ///< of these, those that are not frozen
  double flops = 0;               ///< of a forward pass, per sample
};

/// All calls in order; of a layer that brings a model of its own (ONNX), its nodes. Throws InputError where shapes do not fit.
std::vector<LayerSummary> summarize(const Network& network);

/// The same as a table with a line of sums.
std::string to_string(const std::vector<LayerSummary>& layers);

}  // namespace neurons
