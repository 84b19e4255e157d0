#include "neurons/ops/common/selection.hpp"

#include <cmath>
#include <limits>

#include "neurons/ops/common/choose.hpp"

namespace neurons::ops::detail {
namespace {

void gradient(GradientContext& context) {
  Graph& graph = context.graph();
  std::vector<Value> won;
  Value winners;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    won.push_back(choose(graph.emit("Equal", {context.input(i), context.output()}), 1.0, number_like(context.output(), 0)));
    winners = winners ? winners + won.back() : won.back();
  }
  const Value share = context.gradient() / winners;
  for (std::size_t i = 0; i < won.size(); ++i) {
    if (context.wants(i)) context.set(i, sum_to(won[i] * share, context.input(i).shape()));
  }
}

std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  if (context.inputs.size() == 2) return std::nullopt;
  Value best = context.inputs[0];
  for (const Value& next : context.inputs.subspan(1)) best = context.graph.emit(context.op, {best, next}, context.options);
  return std::vector{best};
}

std::vector<Sample> samples() {
  std::vector<Sample> samples = number_samples(Sample::Fill::normal);
  samples.push_back({{{{DType::f32, {5, 7}}}}, {}, "one"});
  samples.push_back({{{{DType::f32, {5, 7}}}, {{DType::f32, {7}}}, {{DType::f32, {5, 1}}}, {{DType::f32, {}}}}, {}, "four"});
  return samples;
}

}  // namespace

OpDef selection_op(std::string name, std::string summary, double sign) {
  OpDef op = elementwise(std::move(name), std::move(summary), 1, nullptr, nullptr);
  op.maximum_inputs = std::numeric_limits<std::int32_t>::max();
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    return {{context.dtype(), broadcast_shape(context, kNumbers)}};
  };
  op.reference = [sign](const ReferenceContext& context) {
    run_scalar(context, [sign, count = context.inputs.size()](const double* in, const Options&) {
      double best = in[0];
      for (std::size_t i = 1; i < count && !std::isnan(best); ++i) {
        if (std::isnan(in[i]) || sign * in[i] > sign * best) best = in[i];
      }
      return best;
    });
  };
  op.gradient = gradient;
  op.simplify = simplify;
  op.onnx = {{op.name, 8, ""}};
  op.samples = samples;
  return op;
}

}  // namespace neurons::ops::detail
