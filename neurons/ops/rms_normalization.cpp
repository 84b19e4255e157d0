#include "neurons/ops/common/row_normalization.hpp"

namespace neurons::ops {

std::vector<OpDef> rms_normalization() {
  auto ops = row_normalization(
      "RMSNormalization", "y = x / √(mean of x² + epsilon) · scale, the mean over the axes from `axis` on; inputs x, scale", false);
  ops[0].onnx = {{"RMSNormalization", 23, ""}};
  return ops;
}

}  // namespace neurons::ops
