#pragma once
/// Blocks of pixels as channels, and back.

#include "neurons/graph/op.hpp"

namespace neurons::ops {

/// DepthToSpace, or its inverse SpaceToDepth: reshapes around a transposition.
OpDef blocks_op(bool to_space);

}  // namespace neurons::ops
