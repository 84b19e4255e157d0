#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {
namespace {

void gradient(GradientContext& context) {
  const Value dy = context.gradient();
  const Value x = context.input(0);
  const Value slope = context.input(1);
  const Value positive = above(x, 0);
  if (context.wants(0)) context.set(0, choose(positive, dy, dy * slope));
  if (context.wants(1)) context.set(1, sum_to(choose(positive, 0.0, dy * x), slope.shape()));
}

std::vector<Sample> samples() {
  std::vector<Sample> samples;
  for (const auto& [x, slope] : std::vector<std::pair<Shape, Shape>>{
           {{}, {}}, {{5, 7}, {7}}, {{5, 7}, {5, 7}}, {{2, 3, 4, 5}, {3, 1, 1}}, {{5, 7}, {1}}, {{0, 7}, {7}}}) {
    samples.push_back({{{{DType::f32, x}, Sample::Fill::away_from_0}, {{DType::f32, slope}}},
                       {},
                       x.to_string() + " with slopes " + slope.to_string()});
  }
  return samples;
}

}  // namespace

std::vector<OpDef> prelu() {
  OpDef op = binary("PRelu", "y = x where x > 0, else slope · x; the slope broadcasts to x", kernels::prelu,
                    [](double x, double slope) { return x > 0 ? x : slope * x; });
  op.infer = [floats = op.infer](const InferContext& context) {
    auto types = floats(context);
    if (types[0].shape != context.shape(0)) context.fail("the slope does not broadcast to the shape of x");
    return types;
  };
  op.gradient = gradient;
  op.onnx = {{"PRelu", 7, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
