#include "neurons/graph/graph.hpp"

namespace neurons::ops {
namespace {

struct InstanceNormalizationOptions {
  float epsilon = 1e-5F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("epsilon", self.epsilon);
  }
};

}  // namespace

std::vector<OpDef> instance_normalization() {
  OpDef op;
  op.name = "InstanceNormalization";
  op.summary = "GroupNormalization with one channel a group; inputs x, scale, bias";
  op.source = "https://onnx.ai/onnx/operators/onnx__InstanceNormalization.html";
  op.minimum_inputs = op.maximum_inputs = 3;
  op.default_options = InstanceNormalizationOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const Shape& x = context.shape(0);
    if (x.rank() < 3) context.fail("expects x [batch, channels, spatial…]");
    for (std::size_t i = 1; i < 3; ++i) {
      if (context.inputs[i] != TensorType{context.dtype(), {x[1]}}) {
        context.fail("expects one scale and bias for each of the {} channels", x[1]);
      }
    }
    if (x.product(1, x.rank()) == 0) context.fail("has no values to normalise");
    return {context.inputs[0]};
  };
  op.decompose = [](const RewriteContext& context) -> std::vector<Value> {
    const std::int64_t channels = context.inputs[0].shape()[1];
    const auto epsilon = static_cast<double>(context.options.as<InstanceNormalizationOptions>().epsilon);
    return {emit_with("GroupNormalization", {context.inputs[0], context.inputs[1], context.inputs[2]},
                      {{"num_groups", channels}, {"epsilon", epsilon}})};
  };
  op.flops = [](const InferContext& context) { return 6.0 * static_cast<double>(context.shape(0).elements()); };
  op.onnx = {{"InstanceNormalization", 6, ""}};
  op.samples = [] {
    std::vector<Sample> samples;
    for (const Shape& x : {Shape{2, 3, 7}, Shape{3, 17, 4, 3}}) {
      const Sample::Input channels{{DType::f32, {x[1]}}};
      samples.push_back({{{{DType::f32, x}}, channels, channels}, InstanceNormalizationOptions{1e-2F}, x.to_string()});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
