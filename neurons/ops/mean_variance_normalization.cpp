#include <cmath>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/reduction.hpp"

namespace neurons::ops {
namespace {

struct MeanVarianceOptions {
  std::vector<std::int64_t> axes{0, 2, 3};

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axes", self.axes);
  }
};

constexpr double kEpsilon = 1e-9;  // ONNX's, beside the deviation

std::vector<TensorType> infer(const InferContext& context) {
  if (context.dtype() != DType::f32 && context.dtype() != DType::f64) context.fail("expects floats");
  const auto& axes = context.as<MeanVarianceOptions>().axes;
  if (axes.empty()) context.fail("expects axes");
  static_cast<void>(ReductionOptions{axes}.reduced(context.shape(0)));
  return {context.inputs[0]};
}

/// The variance has a bound so small that y shows nothing of it: where all x are equal, the slope of the root is 0 then, not
/// infinite.
std::vector<Value> decompose(const RewriteContext& context) {
  const Value x = context.inputs[0];
  const Attributes over{{"axes", context.options.as<MeanVarianceOptions>().axes}};
  const Value centred = x - emit_with("ReduceMean", {x}, over);
  const Value variance = emit_with("ReduceMean", {centred * centred}, over);
  const Value bounded = context.graph.emit("Max", {variance, number_like(x, 1e-30)});
  return {centred / (context.graph.emit("Sqrt", {bounded}) + kEpsilon)};
}

void reference(const ReferenceContext& context) {
  const ReferenceTensor& x = *context.inputs[0];
  const Shape kept = ReductionOptions{context.as<MeanVarianceOptions>().axes}.kept_shape(x.type.shape);
  const auto strides = x.type.shape.strides();
  const auto kept_strides = kept.strides();
  std::vector<std::vector<std::size_t>> groups(static_cast<std::size_t>(kept.elements()));
  for (std::int64_t element = 0; element < x.elements(); ++element) {
    std::int64_t group = 0;
    for (int axis = 0; axis < kept.rank(); ++axis) {
      const auto a = static_cast<std::size_t>(axis);
      if (kept[axis] != 1) group += element / strides[a] % x.type.shape[axis] * kept_strides[a];
    }
    groups[static_cast<std::size_t>(group)].push_back(static_cast<std::size_t>(element));
  }
  for (const auto& group : groups) {
    const auto count = static_cast<double>(group.size());
    double mean = 0;
    for (const std::size_t i : group) mean += x.data[i] / count;
    double variance = 0;
    for (const std::size_t i : group) variance += (x.data[i] - mean) * (x.data[i] - mean) / count;
    for (const std::size_t i : group) context.outputs[0].data[i] = (x.data[i] - mean) / (std::sqrt(variance) + kEpsilon);
  }
}

}  // namespace

std::vector<OpDef> mean_variance_normalization() {
  OpDef op;
  op.name = "MeanVarianceNormalization";
  op.summary = "y = (x - mean) / (deviation + 1e-9), both over the axes";
  op.source = "https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html";
  op.default_options = MeanVarianceOptions{};
  op.infer = infer;
  op.reference = reference;
  replace_by(op, decompose);
  op.flops = [](const InferContext& context) { return 6 * static_cast<double>(context.shape(0).elements()); };
  op.onnx = {{"MeanVarianceNormalization", 9, ""}};
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {3, 2, 5, 3}}}}, MeanVarianceOptions{}, "channels"},
                               {{{{DType::f32, {4, 7}}}}, MeanVarianceOptions{{-1}}, "rows"},
                               {{{{DType::f64, {4, 7}}}}, MeanVarianceOptions{{1, 0}}, "all, in double"},
                               {{{{DType::f32, {0, 7}}}}, MeanVarianceOptions{{1}}, "no rows"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
