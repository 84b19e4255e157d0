#pragma once
/// Ops of ours in terms of simpler ones, for opsets of ONNX that do not have them.

#include "neurons/graph/rewrite.hpp"

namespace neurons::onnx {

/// The rule for an op that newer opsets have: Swish, Gelu, Mish, HardSwish, LayerNormalization, RMSNormalization; null for others.
const NodeRule* find_simpler(const OpDef& op);

}  // namespace neurons::onnx
