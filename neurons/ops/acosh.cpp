#include <cmath>

#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<OpDef> acosh() {
  OpDef op = plain_unary("Acosh", "y = ln(x + √(x² - 1)); NaN where x < 1", 9, [](auto x) { return std::acosh(x); });
  op.gradient = [](GradientContext& context) {
    const Value x = context.input(0);
    context.set(0, context.gradient() / context.graph().emit("Sqrt", {(x - 1.0) * (x + 1.0)}));
  };
  op.samples = [] {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{}, Shape{17}, Shape{5, 7}, Shape{0, 4}}) {
      std::vector<float> x;
      while (static_cast<std::int64_t>(x.size()) < shape.elements()) x.push_back(1.25F * static_cast<float>(x.size() + 1));
      samples.push_back({{{{DType::f32, shape}, Sample::Fill::given, 1, Tensor::of<float>(shape, x)}}, {}, shape.to_string()});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
