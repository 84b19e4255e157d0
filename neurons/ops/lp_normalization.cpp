#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {
namespace {

struct LpNormalizationOptions {
  std::int64_t axis = -1;
  std::int64_t p = 2;  ///< 1 or 2

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("p", self.p);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<LpNormalizationOptions>();
  const int rank = context.shape(0).rank();
  if (context.dtype() != DType::f32 && context.dtype() != DType::f64) context.fail("expects floats");
  if (options.p != 1 && options.p != 2) context.fail("p = {} must be 1 or 2", options.p);
  if (options.axis < -rank || options.axis >= rank) context.fail("there is no axis {}", options.axis);
  return {context.inputs[0]};
}

std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<LpNormalizationOptions>();
  const Value x = context.inputs[0];
  const Attributes along{{"axes", std::vector{options.axis}}, {"keep_dims", true}};
  const Value norm = emit_with(options.p == 1 ? "ReduceL1" : "ReduceL2", {x}, along);
  return {x / choose(context.graph.emit("Equal", {norm, number_like(norm, 0)}), 1.0, norm)};
}

}  // namespace

std::vector<OpDef> lp_normalization() {
  OpDef op;
  op.name = "LpNormalization";
  op.summary = "y = x / (Σ |x|^p)^(1/p) along the axis, and 0 where all x are";
  op.source = "https://onnx.ai/onnx/operators/onnx__LpNormalization.html";
  op.default_options = LpNormalizationOptions{};
  op.infer = infer;
  op.decompose = decompose;
  op.flops = [](const InferContext& context) { return 3 * static_cast<double>(context.shape(0).elements()); };
  op.onnx = {{"LpNormalization", 1, ""}};
  op.samples = [] {
    const Tensor zero_row = Tensor::of<float>({2, 2}, std::vector<float>{0, -0.0F, -3, 4});
    std::vector<Sample> samples;
    for (const std::int64_t p : {1, 2}) {
      const Sample::Fill fill = Sample::Fill::away_from_0;
      samples.push_back({{{{DType::f32, {3, 7}}, fill}}, LpNormalizationOptions{-1, p}, "rows"});
      samples.push_back({{{{DType::f32, {2, 3, 5}}, fill}}, LpNormalizationOptions{1, p}, "the middle axis"});
      samples.push_back({{{{DType::f64, {5}}, fill}}, LpNormalizationOptions{0, p}, "in double"});
      samples.push_back(
          {{{zero_row.type(), Sample::Fill::given, 1, zero_row, false}}, LpNormalizationOptions{-1, p}, "a row of 0"});
      samples.push_back({{{{DType::f32, {0, 7}}}}, LpNormalizationOptions{-1, p}, "no rows"});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
