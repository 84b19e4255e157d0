#include "neurons/ops/common/view.hpp"

namespace neurons::ops {

std::vector<OpDef> identity() {
  OpDef op = view_op("Identity", "y = x", NoOptions{}, [](const InferContext& context) { return context.shape(0); });
  op.onnx = {{"Identity", 1, ""}};
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {5, 7}}}}, {}, "matrix"},
                               {{{{DType::i64, {3}}, Sample::Fill::index, 9}}, {}, "integers"},
                               {{{{DType::f32, {0, 4}}}}, {}, "empty"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
