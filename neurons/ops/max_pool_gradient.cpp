#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/pool.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

std::vector<TensorType> infer(const InferContext& context) {
  const ResolvedPool pool = resolve_pool(context, context.as<PoolOptions>(), context.shape(0));
  if (context.shape(1) != pool.y) context.fail("expects dy of the shape of y, {}", pool.y.to_string());
  return {context.inputs[0]};
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<PoolOptions>();
  const ReferenceTensor& x = *context.inputs[0];
  ReferenceTensor& dx = context.outputs[0];
  std::ranges::fill(dx.data, 0.0);
  for_each_window(resolve_pool(options, x.type.shape).shape, options.channels_last,
                  [&](const PoolWindow& window) { dx.data[largest_in(window, x.data)] += context.inputs[1]->data[window.y]; });
}

/// dx depends on dy by a choice: its gradient is what stands where the maxima are.
void gradient(GradientContext& context) {
  if (!context.wants(1)) return;
  const auto& options = context.as<PoolOptions>();
  Graph& graph = context.graph();
  const auto first = [&](Value value) { return options.channels_last ? to_channels_first(value) : value; };
  Attributes attributes = context.options().attributes();
  std::erase_if(attributes, [](const Attribute& attribute) { return attribute.name == "channels_last"; });
  attributes.push_back({"indices", true});
  const OpDef& pool = graph.table()->find("MaxPool");
  const std::vector<Value> x{first(context.input(0))};
  const Value places = graph.emit_all(pool, x, pool.default_options.with(attributes))[1];
  const Value g = first(context.gradient());
  const Value chosen = graph.emit("Gather", {reshaped(g, {g.shape().elements()}), places});
  context.set(1, options.channels_last ? to_channels_last(chosen) : chosen);
}

struct GradientCall {
  kernels::PoolShape shape;
  const float* x = nullptr;
  const float* dy = nullptr;
  float* dx = nullptr;
};
void run(const GradientCall& call, std::byte*, Worker worker) noexcept {
  kernels::max_pool_gradient(call.shape, call.x, call.dy, call.dx, worker);
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  for (const PoolSample& sample : pool_samples()) {
    const Sample::Input dy{{DType::f32, resolve_pool(sample.options, sample.x).y}};
    result.push_back({{{{DType::f32, sample.x}, Sample::Fill::distinct}, dy}, sample.options, sample.note});
    const Sample::Input ties{{DType::f32, sample.x}, Sample::Fill::index, 3, {}, false};
    result.push_back({{ties, dy}, sample.options, sample.note + ", ties"});
  }
  return result;
}

}  // namespace

std::vector<OpDef> max_pool_gradient() {
  OpDef op;
  op.name = "MaxPoolGradient";
  op.summary = "dx = Σ dy over the windows whose first maximum it is; inputs x, dy";
  op.source = "the transpose of https://onnx.ai/onnx/operators/onnx__MaxPool.html; ties and NaN as PyTorch's max_pool2d";
  op.minimum_inputs = 2;
  op.maximum_inputs = 2;
  op.default_options = PoolOptions{};
  op.infer = infer;
  op.reference = reference;
  op.gradient = gradient;
  op.kernels = {{"max_pool_gradient", [](const InferContext& context) { return refuse_pool(context, context.as<PoolOptions>()); },
                 [](const PrepareContext& context) {
                   const Buffer& x = context.inputs[0];
                   return Call::of<run>(GradientCall{resolve_pool(context.as<PoolOptions>(), x.type.shape).shape, x.as<float>(),
                                                     context.inputs[1].as<float>(), context.outputs[0].as<float>()},
                                        true);
                 }}};
  op.simplify = pool_channels_last<PoolOptions>;
  op.flops = [](const InferContext& context) {
    return 2 * pool_flops(resolve_pool(context, context.as<PoolOptions>(), context.shape(0)));
  };
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
