#pragma once
/// What LayerNormalization and RMSNormalization have in common.

#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

/// The op over the axes from `axis` on, and its gradient "NAMEGradient" (x, dy, scale to dx, dscale and, where `centred`, dbias).
/// Centred: inputs x, scale and an optional bias; outputs y, mean and 1 / √(variance + epsilon). Not centred: inputs x and scale;
/// output y. Sets everything but onnx.
std::vector<OpDef> row_normalization(std::string name, std::string summary, bool centred);

}  // namespace neurons::ops
