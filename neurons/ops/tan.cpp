#include <cmath>

#include "neurons/ops/common/elementwise.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {

std::vector<OpDef> tan() {
  OpDef op = unary("Tan", "y = sin x / cos x", nullptr, [](double x) { return std::tan(x); });
  replace_by(op, [](const RewriteContext& context) {
    const Value x = context.inputs[0];
    return std::vector{context.graph.emit("Sin", {x}) / context.graph.emit("Cos", {x})};
  });
  op.onnx = {{"Tan", 7, ""}};
  op.gradient = [](GradientContext& context) {
    const Value y = context.output();
    context.set(0, context.gradient() * (y * y + 1.0));
  };
  op.samples = [] { return unary_samples(Sample::Fill::unit); };
  return {std::move(op)};
}

}  // namespace neurons::ops
