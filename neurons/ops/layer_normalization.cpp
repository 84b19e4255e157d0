#include "neurons/ops/common/row_normalization.hpp"

namespace neurons::ops {

std::vector<OpDef> layer_normalization() {
  auto ops = row_normalization("LayerNormalization",
                               "y = (x - mean) / √(variance + epsilon) · scale + bias, statistics over the axes from `axis` on; "
                               "inputs x, scale, bias; outputs y, mean, 1 / √(variance + epsilon)",
                               true);
  ops[0].onnx = {{"LayerNormalization", 17, ""}};
  return ops;
}

}  // namespace neurons::ops
