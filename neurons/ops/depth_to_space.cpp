#include "neurons/ops/common/blocks.hpp"

namespace neurons::ops {

std::vector<OpDef> depth_to_space() {
  OpDef op = blocks_op(true);
  op.summary =
      "y[n, c, h · b + i, w · b + j] = x[n, (i · b + j) · C + c, h, w] (DCR) or x[n, c · b² + i · b + j, h, w] (CRD), where y has "
      "C "
      "channels";
  op.onnx = {{"DepthToSpace", 1, ""}};
  return {std::move(op)};
}

}  // namespace neurons::ops
