#include <cmath>

#include "neurons/ops/common/comparison.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {

std::vector<OpDef> is_nan() {
  OpDef op = truth_op(
      "IsNaN", "y = whether x is NaN", 1, 9, kFloats, [](const InferContext&) { return nullptr; },
      [](const double* x, const Options&) { return std::isnan(*x) ? 1.0 : 0.0; });
  replace_by(op, [](const RewriteContext& context) {
    const Value x = context.inputs[0];
    return std::vector{context.graph.emit("Not", {context.graph.emit("Equal", {x, x})})};
  });
  op.samples = [] {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    const Tensor x = Tensor::of<float>({6}, std::vector<float>{0, nan, infinity, -infinity, -nan, 3e38F});
    std::vector<Sample> samples = unary_samples(Sample::Fill::normal);
    for (const DType dtype : kFloats) samples.push_back({{{{dtype, {6}}, Sample::Fill::given, 1, x.cast(dtype)}}, {}, "some"});
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
