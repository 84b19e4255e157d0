#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/elementwise.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {
namespace {

struct ShrinkOptions {
  float lambd = 0.5F;  ///< what is within becomes 0
  float bias = 0;      ///< by which the rest moves towards 0

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("lambd", self.lambd);
    visit("bias", self.bias);
  }
};

double scalar(const double* x, const Options& given) {
  const auto& options = given.as<ShrinkOptions>();
  const auto edge = static_cast<double>(options.lambd);
  const auto bias = static_cast<double>(options.bias);
  return *x < -edge ? *x + bias : *x <= edge ? 0 : *x - bias;
}

std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<ShrinkOptions>();
  const Value x = context.inputs[0];
  const auto edge = static_cast<double>(options.lambd);
  const auto bias = static_cast<double>(options.bias);
  const Value within = context.graph.emit("LessOrEqual", {x, number_like(x, edge)});
  return {choose(below(x, -edge), x + bias, choose(within, 0.0, x - bias))};
}

}  // namespace

std::vector<OpDef> shrink() {
  OpDef op = elementwise("Shrink", "y = x + bias where x < -lambd, x - bias where x > lambd, else 0", 1, nullptr, scalar);
  op.default_options = ShrinkOptions{};
  replace_by(op, decompose);
  op.onnx = {{"Shrink", 9, ""}};
  op.samples = [] {
    std::vector<Sample> samples = unary_samples(Sample::Fill::distinct, ShrinkOptions{});
    samples.push_back({{{{DType::f32, {5, 7}}}}, ShrinkOptions{0.375F, 0.25F}, "soft"});
    samples.push_back({{{{DType::f32, {5, 7}}}}, ShrinkOptions{-0.375F, 0.25F}, "lambd below 0"});
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
