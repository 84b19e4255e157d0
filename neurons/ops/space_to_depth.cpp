#include "neurons/ops/common/blocks.hpp"

namespace neurons::ops {

/// ONNX knows the mode CRD from opset 28 on.
std::vector<OpDef> space_to_depth() {
  OpDef op = blocks_op(false);
  op.summary = "The inverse of DepthToSpace: blocks of b × b pixels become channels";
  op.onnx = {{"SpaceToDepth", 1, ""}};
  return {std::move(op)};
}

}  // namespace neurons::ops
